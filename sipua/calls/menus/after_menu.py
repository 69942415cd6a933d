"""The beginning of an agent's part of a call that has been in a menu."""

from __future__ import annotations

from typing import Protocol

from sipua.bridge.call.call_bridge import CallBridge


class _Profile(Protocol):
    @property
    def connect_timeout_s(self) -> float: ...

    @property
    def greeting(self) -> str: ...


class _Call(Protocol):
    bridge: CallBridge

    @property
    def profile(self) -> _Profile: ...


class AfterMenu:
    """An opening, as those of `sipua.calls.opening`: the call is up, and its caller waits."""

    async def run(self, call: _Call) -> None:
        profile = call.profile
        await call.bridge.connect(profile.connect_timeout_s)
        if profile.greeting:
            call.bridge.speak(profile.greeting)
