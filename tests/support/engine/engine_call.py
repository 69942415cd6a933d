"""An engine's session in a test, and the call that uses it."""

import asyncio
import base64
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from sipua.bridge.engine_api.errors import EngineConnectError
from sipua.bridge.engine_api.events import (
    EngineFault,
    Event,
)
from sipua.bridge.engine_api.settings import EngineSettings
from sipua.bridge.engine_link.session import EngineSession
from sipua.bridge.engines import create
from support.engine.scripted_engine import Peer

KEY = "sk-very-secret-key"
PCM_20_MS = bytes(range(240)) * 4
AUDIO = base64.b64encode(PCM_20_MS).decode()
SESSION = {"type": "realtime", "id": "sess_1", "object": "realtime.session"}
DELTA = {"response_id": "resp_1", "item_id": "item_1", "output_index": 0, "content_index": 0}


class Call:
    """The session's other side."""

    def __init__(self, url: str, **options: Any) -> None:
        settings = EngineSettings(
            url=url,
            api_key=KEY,
            instructions="Be kind.",
            turn_detection=options.pop("turn_detection", {}),
            dialect=options.pop("dialect", ""),
        )
        engine = create("openai_realtime", settings)
        for part in ("link", "headers", "locate"):
            if part in options:
                engine = replace(engine, **{part: options.pop(part)})
        self.events: list[Event] = []
        self.react: Callable[[Event], None] = lambda _event: None
        self._arrived = asyncio.Event()
        self.session = EngineSession(
            engine,
            on_event=self.on_event,
            call_id="call-7",
            **options,
        )

    def on_event(self, event: Event) -> None:
        self.events.append(event)
        self._arrived.set()
        self.react(event)

    async def next(self, kind: type[Event]) -> Any:
        """The first event of a kind, waiting for it."""
        async with asyncio.timeout(20):
            while True:
                for event in self.events:
                    if isinstance(event, kind):
                        return event
                self._arrived.clear()
                await self._arrived.wait()


async def ready(peer: Peer) -> None:
    await peer.make_ready()
    await peer.until_closed()


async def failure(url: str, timeout_s: float = 5) -> EngineConnectError:
    call = Call(url)
    with pytest.raises(EngineConnectError) as caught:
        await call.session.connect(timeout_s)
    assert KEY not in str(caught.value)
    assert call.session.state == "closed"
    assert call.events == [] or isinstance(call.events[0], EngineFault)
    call.session.append(PCM_20_MS)
    await call.session.close()
    return caught.value
