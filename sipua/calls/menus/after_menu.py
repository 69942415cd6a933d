"""The beginning of an agent's part of a call: at its start, or behind a menu or a queue."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from sipua.bridge.call.call_bridge import CallBridge
from sipua.bridge.events import AudioBegan, BridgeEvent
from sipua.config.sections.routes import Answer
from sipua.events import call_events
from sipua.events.event import Event


class _Profile(Protocol):
    @property
    def answer(self) -> Answer: ...

    @property
    def connect_timeout_s(self) -> float: ...

    @property
    def greeting(self) -> str: ...

    @property
    def greeting_timeout_s(self) -> float: ...


class _Call(Protocol):
    bridge: CallBridge

    @property
    def profile(self) -> _Profile: ...

    @property
    def answered(self) -> bool: ...

    def answer(self) -> None: ...

    def tell(self, event: Event, /) -> None: ...

    async def first(
        self, wanted: Callable[[BridgeEvent], bool], within_s: float
    ) -> BridgeEvent | None: ...


class AfterMenu:
    """An opening, as those of `sipua.calls.opening`. A caller who was in a menu, or has waited in a
    queue, is answered already."""

    async def run(self, call: _Call) -> None:
        profile = call.profile
        if profile.answer == "at_once":
            call.answer()
        await call.bridge.connect(profile.connect_timeout_s)
        if profile.greeting:
            call.bridge.speak(profile.greeting)
            if profile.answer == "greeting" and not call.answered:
                await self._greeting(call, profile.greeting_timeout_s)
        call.answer()

    async def _greeting(self, call: _Call, within_s: float) -> None:
        if await call.first(lambda event: isinstance(event, AudioBegan), within_s) is None:
            call.tell(call_events.GreetingLate(waited_s=within_s))
