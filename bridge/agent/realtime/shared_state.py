"""State that all sessions of a server share: the scenario's counts, its voices, the tokens left."""

from sipua.bridge.agent.realtime.rate_limit import RateLimit
from sipua.bridge.agent.scenario.scenario import ConnectQueue, Script
from sipua.bridge.agent.scenario.settings import AgentSettings
from sipua.bridge.agent.speech.voice import Voices


class SharedAgentState:
    __slots__ = ("_taken", "connects", "rate_limit", "settings", "voices")

    def __init__(self, settings: AgentSettings, voices: Voices | None = None) -> None:
        self.settings = settings
        self.voices = voices or Voices()
        self.connects = ConnectQueue(settings.scenario.connect)
        self.rate_limit = RateLimit(settings.rate_limit_tokens)
        self._taken: dict[int, int] = {}

    @classmethod
    def prepared(cls, settings: AgentSettings) -> "SharedAgentState":
        """A state with its voices: runs programs and reads files."""
        return cls(settings, Voices.prepared(settings.scenario))

    @property
    def uses_words(self) -> bool:
        return self.settings.ears or self.settings.scenario.uses_words

    def script(self, now: float) -> Script:
        return Script(self.settings.scenario, self._taken, now)
