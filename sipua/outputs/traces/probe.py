"""Whether a collector takes traces: one empty export, for `sipua doctor`."""

from __future__ import annotations

import asyncio

from sipua.outputs.traces import otlp
from sipua.outputs.traces.sender import Outcome, Sender
from sipua.outputs.traces.settings import TraceSettings


def probe(settings: TraceSettings) -> Outcome:
    return asyncio.run(_probe(settings))


async def _probe(settings: TraceSettings) -> Outcome:
    sender = Sender(settings)
    try:
        return await sender.send(otlp.request(settings.resource, []))
    finally:
        await sender.close()
