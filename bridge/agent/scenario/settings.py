"""The settings of the local agent."""

from dataclasses import dataclass, field
from typing import Literal, get_args

from sipua.bridge.agent.scenario.scenario import Scenario

# A header of the websocket's upgrade; the agent's lines in the edge's log get its value.
CALL_ID_HEADER = "X-Sipua-Call-Id"

Mode = Literal["parrot", "tone", "silence"]


@dataclass(frozen=True, slots=True, kw_only=True)
class AgentSettings:
    host: str = "127.0.0.1"
    port: int = 0  # 0: any free port
    mode: Mode = "parrot"
    greeting: bool = True  # a response asked for before the caller spoke plays the greeting
    ears: bool = False  # transcripts have the words that pocketsphinx finds
    api_key: str = ""  # empty: any key is accepted
    scenario: Scenario = field(default_factory=Scenario)  # the mode answers the rest

    journal: str = ""  # file for all messages on the websockets

    # Voice detection of a session that does not bring its own turn_detection.
    threshold: float = 0.5
    prefix_padding_ms: int = 300
    silence_ms: int = 500

    # Delivery. The vendor's first delta is small, audio then leaves several times faster than it
    # plays, so that the whole answer is usually at the client long before it has been played.
    latency_ms: int = 0  # from response.created to the first delta: the model's latency
    first_delta_ms: int = 100
    delta_ms: int = 200
    speed: float = 8.0  # milliseconds of audio per millisecond of time

    # Tokens that all sessions together may use in a minute; 0: no limit.
    rate_limit_tokens: int = 0

    # Limits.
    max_sessions: int = 1024
    max_input_s: int = 120  # uncommitted input audio; a turn is cut here
    history_s: int = 60  # audio of past items kept for conversation.item.retrieve and truncate
    idle_timeout_s: float = 300.0  # without an event of the client
    session_limit_s: float = 3600.0  # the vendor ends a session after 60 minutes

    def __post_init__(self) -> None:
        limits = {
            "port": (0, 65535),
            "threshold": (0, 1),
            "prefix_padding_ms": (0, 5000),
            "silence_ms": (20, 10_000),
            "latency_ms": (0, 60_000),
            "first_delta_ms": (20, 10_000),
            "delta_ms": (20, 10_000),
            "speed": (0.1, 10_000),
            "rate_limit_tokens": (0, 1_000_000_000),
            "max_sessions": (1, 100_000),
            "max_input_s": (1, 3600),
            "history_s": (1, 3600),
            "idle_timeout_s": (0.1, 86_400),
            "session_limit_s": (0.1, 86_400),
        }
        for name, (low, high) in limits.items():
            value = getattr(self, name)
            if not low <= value <= high:
                raise ValueError(f"agent {name} = {value}: must be from {low} to {high}")
        if self.mode not in get_args(Mode):
            raise ValueError(f"agent mode = {self.mode!r}: must be one of {get_args(Mode)}")
