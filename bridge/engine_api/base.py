"""What engines have in common.

`EngineBase` does nothing about what a protocol does not have. `WaitingEngine` keeps what is to be
said and told until it is asked for.
"""

from __future__ import annotations

from collections.abc import Sequence

from sipua.bridge.engine_api.events import Event
from sipua.bridge.engine_api.settings import InjectedRole


class EngineBase:
    """To derive from. `EngineProtocol` says what each method is for."""

    over = False

    def start(self) -> Sequence[bytes]:
        return ()

    def take_events(self) -> Sequence[Event]:
        return ()

    def take_outgoing(self) -> Sequence[bytes]:
        return ()

    def speak(self, instructions: str | None) -> Sequence[bytes]:
        return ()

    def truncate(self, item_id: str, audio_end_ms: int) -> Sequence[bytes]:
        return ()

    def cancel(self) -> Sequence[bytes]:
        return ()

    def tool_result(self, call_id: str, output: str, *, respond: bool) -> Sequence[bytes]:
        return ()

    def inject(self, role: InjectedRole, text: str, *, respond: bool) -> Sequence[bytes]:
        return ()

    def digit(self, key: str, duration_ms: int) -> Sequence[bytes]:
        return ()

    def marked(self, name: str, *, played: bool) -> Sequence[bytes]:
        return ()

    def closed(self, code: int) -> Sequence[Event]:
        return ()

    def goodbye(self) -> Sequence[bytes]:
        return ()


class WaitingEngine(EngineBase):
    def __init__(self) -> None:
        self._events: list[Event] = []
        self._outgoing: list[bytes] = []

    def take_events(self) -> Sequence[Event]:
        if not self._events:
            return ()
        events, self._events = self._events, []
        return events

    def take_outgoing(self) -> Sequence[bytes]:
        if not self._outgoing:
            return ()
        outgoing, self._outgoing = self._outgoing, []
        return outgoing
