"""The webhooks in use, and others that take their place while the edge runs."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from typing import TYPE_CHECKING

from sipua.bridge.fault_owner import FaultOwner, nothing
from sipua.config import Config
from sipua.edge.wiring import hooks
from sipua.events.stream import EventStream
from sipua.log import logs
from sipua.outputs.hooks.settings import HookSettings

if TYPE_CHECKING:
    from sipua.outputs.hooks.endpoint import Endpoint
    from sipua.outputs.hooks.webhooks import Webhooks


class WebhooksInUse:
    """An `Output`. All methods are called on the edge's loop."""

    def __init__(self, config: Config, events: EventStream) -> None:
        self._events = events
        self._wanted = self._in_use = hooks.hooks(config)
        self._current = _made(self._in_use, events)
        self._complete = True
        """The last change came to its end."""
        self._one_at_a_time = asyncio.Lock()
        self._faults = FaultOwner("webhook.failed_inside", logs.get(), nothing)

    @property
    def endpoints(self) -> Iterable[Endpoint]:
        """See `Webhooks.endpoints`."""
        return () if self._current is None else self._current.endpoints

    async def start(self) -> None:
        if self._current is not None:
            await self._current.start()

    def use(self, config: Config) -> None:
        """Also where nothing has changed: what has failed is tried again by the next reload."""
        self._wanted = hooks.hooks(config)
        if self._is_due():
            self._faults.harmless("webhook.failed_inside").task(self._replace(), "webhooks")

    def _is_due(self) -> bool:
        return self._wanted != self._in_use or not self._complete

    async def _replace(self) -> None:
        async with self._one_at_a_time:
            if not self._is_due():
                return
            self._complete = False
            wanted = self._wanted
            new = await asyncio.to_thread(_made, wanted, self._events)
            old, self._current = self._current, new
            if new is not None and old is not None:
                await new.take_over(old)
            elif new is not None:
                await new.start()
            elif old is not None:
                await old.stop()
            self._in_use, self._complete = wanted, True

    async def stop(self) -> None:
        async with self._one_at_a_time:
            if self._current is not None:
                await self._current.stop()


def _made(settings: HookSettings | None, events: EventStream) -> Webhooks | None:
    if settings is None:
        return None
    from sipua.outputs.hooks.webhooks import Webhooks  # noqa: PLC0415 - its imports take 0.2 s

    return Webhooks(settings, events)
