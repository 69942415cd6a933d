"""What a supervisor needs of the call."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, Protocol

from sipua.bridge.call.call_bridge import CallBridge
from sipua.bridge.events import BridgeEvent
from sipua.bridge.fault_owner import FaultOwner
from sipua.calls.legs.orders import CallOrder
from sipua.calls.parts.leaders import Leaders
from sipua.events.ending import Reason
from sipua.events.event import Event
from sipua.record.recorder import CallRecord


class Replaced(Protocol):
    """The call's second leg, which a supervisor may take the place of."""

    @property
    def joined(self) -> bool: ...

    def replace(self) -> None: ...


class SupervisedCall(Protocol):
    call_id: str
    bridge: CallBridge
    faults: FaultOwner
    send: Callable[[CallOrder], None]
    tell: Callable[[Event], None]
    confirmed: asyncio.Event
    engine_missed: bool
    record: CallRecord | None
    leaders: Leaders

    @property
    def on_hold(self) -> bool: ...

    @property
    def over(self) -> bool: ...

    @property
    def put_through(self) -> bool: ...

    @property
    def second(self) -> Replaced: ...

    @property
    def in_menu(self) -> bool: ...

    def start(self, work: Coroutine[Any, Any, None], name: str) -> asyncio.Task[None]: ...

    async def first(
        self, wanted: Callable[[BridgeEvent], bool], within_s: float
    ) -> BridgeEvent | None: ...

    def hang_up(self, reason: Reason, detail: str, status: int = 0) -> None: ...
