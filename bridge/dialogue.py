"""A call's conversation with an engine, over one session or several."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from sipua.bridge.conversation import ConversationEvent
from sipua.bridge.engines.base import AudioFormat, Capabilities, EngineLost, Event, SessionReady
from sipua.bridge.events import EngineGone, EngineInUse


class Session(Protocol):
    """What a dialogue needs of `EngineSession`."""

    session_id: str

    @property
    def format(self) -> AudioFormat: ...
    @property
    def capabilities(self) -> Capabilities: ...

    async def connect(self, timeout_s: float) -> None: ...
    def append(self, audio: bytes) -> None: ...
    def speak(self, instructions: str | None = None) -> None: ...
    def truncate(self, item_id: str, audio_end_ms: int) -> None: ...
    def cancel(self) -> None: ...
    def tool_result(self, call_id: str, output: str, *, respond: bool = True) -> None: ...
    async def close(self) -> None: ...
    def counters(self) -> dict[str, int]: ...


class Dialogue:
    """See `Conversation` for what each method promises."""

    def __init__(
        self,
        make_session: Callable[[Callable[[Event], None]], Session],
        *,
        on_event: Callable[[ConversationEvent], None],
        engine: str,
    ) -> None:
        self._on_event = on_event
        self._engine = engine
        self._session = make_session(self._on_engine)

    @property
    def session_id(self) -> str:
        return self._session.session_id

    async def connect(self, timeout_s: float) -> None:
        await self._session.connect(timeout_s)

    def append(self, audio: bytes) -> None:
        self._session.append(audio)

    def speak(self, instructions: str | None = None) -> None:
        self._session.speak(instructions)

    def truncate(self, item_id: str, audio_end_ms: int) -> None:
        self._session.truncate(item_id, audio_end_ms)

    def cancel(self) -> None:
        self._session.cancel()

    def tool_result(self, call_id: str, output: str, *, respond: bool = True) -> None:
        self._session.tool_result(call_id, output, respond=respond)

    async def close(self) -> None:
        await self._session.close()

    def counters(self) -> dict[str, int]:
        return self._session.counters()

    def _on_engine(self, event: Event) -> None:
        if isinstance(event, SessionReady):
            self._on_event(
                EngineInUse(
                    self._engine,
                    self._session.format,
                    event.session_id,
                    "first",
                    capabilities=self._session.capabilities,
                )
            )
        elif isinstance(event, EngineLost):
            self._on_event(EngineGone(self._engine, f"connection lost: {event.code}"))
        else:
            self._on_event(event)
