"""An edge's stream of events with webhooks, without the rest of an edge."""

from __future__ import annotations

import ipaddress
import time
from pathlib import Path
from typing import Any

from sipua.events.stream import EventStream
from sipua.events.teller import Told
from sipua.outputs.hooks.settings import EndpointSettings, HookSettings
from sipua.outputs.hooks.webhooks import Webhooks
from support.calls.hook_receiver import SECRET

LOOPBACK = (ipaddress.ip_network("127.0.0.0/8"), ipaddress.ip_network("::1"))
QUICK = (0.0, 0.2, 0.3, 0.3, 0.3, 0.3, 0.3, 0.3, 0.3, 0.3)


class Bed:
    """An edge's stream with webhooks, and what the edge has told."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.events = EventStream("berlin")
        self.told: list[Told] = []
        self.events.subscribe(lambda happened: self.told.append(happened.told))
        self.running: Webhooks | None = None

    def made(
        self, url: str, *others: EndpointSettings, retry_s: Any = QUICK, **keys: Any
    ) -> Webhooks:
        given = {"secrets": (SECRET,), "allow": LOOPBACK, "timeout_s": 5.0} | keys
        one = EndpointSettings("crm", url, **given)
        settings = HookSettings(self.home, (one, *others), retry_s, 3600.0, 3600.0)
        return Webhooks(settings, self.events)

    async def start(self, url: str, *others: EndpointSettings, **keys: Any) -> None:
        self.running = self.made(url, *others, **keys)
        await self.running.start()

    async def stop(self) -> None:
        running, self.running = self.running, None
        if running is not None:
            await running.stop()

    def happens(self, kind: str, call_id: str = "c-1", number: int = 0) -> None:
        self.events.put(Told(kind, time.time(), call_id, b'{"number": %d}' % number))

    def names(self) -> list[str]:
        return [told.type for told in self.told if told.type.startswith("webhook.")]
