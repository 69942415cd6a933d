"""The listeners of a call's events, told in order and at once."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import TypeAlias

from sipua.bridge.events import BridgeEvent
from sipua.bridge.fault_owner import FaultOwner

EventListener: TypeAlias = Callable[[BridgeEvent, float], None]


class Listeners:
    """One call's."""

    def __init__(self, faults: FaultOwner) -> None:
        self._faults = faults
        self._loop = asyncio.get_running_loop()
        self._listeners: list[EventListener] = []

    def subscribe(self, listener: EventListener) -> Callable[[], None]:
        """`listener(event, now)` gets every BridgeEvent, with the loop's time, and never waits.

        The returned function ends the subscription.
        """
        self._listeners.append(listener)
        return lambda: self._listeners.remove(listener)

    def publish(self, event: BridgeEvent) -> None:
        now = self._loop.time()
        for listener in tuple(self._listeners):
            try:
                listener(event, now)
            except Exception as error:  # noqa: BLE001 (the other listeners still get it)
                name = getattr(listener, "__qualname__", type(listener).__name__)
                self._faults.failed(f"{name} on {type(event).__name__}", error)

    async def first(
        self, wanted: Callable[[BridgeEvent], bool], within_s: float
    ) -> BridgeEvent | None:
        """The next wanted event; None: it did not come in time."""
        found: asyncio.Future[BridgeEvent] = self._loop.create_future()

        def listen(event: BridgeEvent, _now: float) -> None:
            if not found.done() and wanted(event):
                found.set_result(event)

        end = self.subscribe(listen)
        try:
            async with asyncio.timeout(within_s):
                return await found
        except TimeoutError:
            return None
        finally:
            end()

    def clear(self) -> None:
        self._listeners.clear()
