"""An event that is asked for, to see what a receiver answers: sent once, past the spool."""

from __future__ import annotations

import time
from dataclasses import dataclass
from typing import Final

from sipua.events.stream import EventStream, Happened
from sipua.events.teller import Told
from sipua.outputs.hooks.answer import Answer
from sipua.outputs.hooks.sender import Sender
from sipua.outputs.hooks.settings import EndpointSettings

TYPE: Final = "webhook.test"
_DATA: Final = b'{"text": "sent because somebody asked for it"}'


@dataclass(frozen=True, slots=True)
class Trial:
    answer: Answer
    took_ms: int


async def run(settings: EndpointSettings, node: str) -> Trial:
    stream, sender = EventStream(node), Sender(settings)
    asked: list[Happened] = []
    stream.subscribe(asked.append)
    stream.put(Told(TYPE, time.time(), "", _DATA))
    (event,) = asked
    began_s = time.monotonic()
    try:
        answer = await sender.send([(event.id, event.json())])
    finally:
        await sender.close()
    return Trial(answer, round((time.monotonic() - began_s) * 1000))
