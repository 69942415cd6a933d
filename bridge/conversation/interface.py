"""The far end of the bridge: whom the caller talks with, however many sessions that takes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol, TypeAlias

from sipua.bridge.engine_api.events import AudioDelta, AudioDone
from sipua.bridge.engine_api.settings import InjectedRole, Past
from sipua.bridge.events import EngineNews, EngineTalk
from sipua.bridge.turns.state import TurnState

ConversationEvent: TypeAlias = AudioDelta | AudioDone | EngineTalk | EngineNews


class Conversation(Protocol):
    """Nothing here waits but `connect` and `close`; what cannot be sent is counted.

    What the engine does is told to the call's `TurnState` first, then to the listener of events.
    """

    @property
    def session_id(self) -> str: ...

    async def connect(self, timeout_s: float) -> None:
        """Raises EngineConnectError."""

    def append(self, audio: bytes) -> None:
        """The caller's audio, in the format of the last `EngineInUse`."""

    def speak(self, instructions: str | None = None) -> None:
        """Let the model speak without being spoken to."""

    def truncate(self, item_id: str, audio_end_ms: int) -> None: ...

    def cancel(self) -> None: ...

    def tool_result(self, call_id: str, output: str, *, respond: bool = True) -> None: ...

    def inject(self, role: InjectedRole, text: str, *, respond: bool) -> None:
        """Tell the model something that no side hears; the next sessions are told it, too."""

    def digit(self, key: str, duration_ms: int) -> None:
        """The caller has pressed a key. Only for engines whose `capabilities` want it."""

    def marked(self, name: str, *, played: bool) -> None:
        """What was before a `PlayoutMark` has been played, or dropped."""

    def past(self) -> Sequence[Past]:
        """What was said so far."""

    async def close(self) -> None: ...

    def counters(self) -> dict[str, int]: ...


MakeConversation: TypeAlias = Callable[
    [Callable[[ConversationEvent], None], TurnState], Conversation
]
"""Takes the listener of events, and the call's turn state."""
