"""The API with as many calls as a test wants, and no telephone: events make its view, and here they
are made up. All from the events on is the product's: its thread, its port, the page.
"""

from __future__ import annotations

import asyncio
import json
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime
from typing import Any, cast

from sipua.calls.steer.commands import Done
from sipua.calls.steer.place_request import PlaceRequest
from sipua.config import Config
from sipua.config.change.in_force import InForce
from sipua.control.api import ControlApi
from sipua.control.link.edge_port import EdgePort, EdgeState
from sipua.events.stream import EventStream
from sipua.events.teller import Told
from sipua.queue.presence import PresenceState
from sipua.queue.queues import QueueState
from sipua.queue.slots import EngineState
from support.calls.api import TOKENS, api_config
from support.ports import LOOPBACK, PortBlock

Event = tuple[str, str, Mapping[str, Any]]
"""Type, call id (or nothing), data."""


class CrowdedApi:
    """Listening when the constructor returns."""

    def __init__(self, more: Mapping[str, Any] | None = None, **api: Any) -> None:
        """`more`: of the configuration, besides `[api]`."""
        self._ports = PortBlock()
        self.port = self._ports.port()
        config = Config.model_validate(
            {**(more or {}), "api": {**api_config(**api), "port": self.port}}
        )
        self.edge = _Edge(self._place)
        self._events = EventStream("berlin-1")
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)
        self._thread.start()
        self._config = config
        self.url = f"http://{LOOPBACK}:{self.port}/"
        self.open()

    def open(self) -> None:
        """Also again, after `shut`."""
        in_force = InForce(self._config, "edge.toml", datetime.now(UTC))
        self._api = ControlApi(in_force, self._events, cast("EdgePort", self.edge))
        asyncio.run_coroutine_threadsafe(self._api.start(), self._loop).result(20)

    def shut(self) -> None:
        asyncio.run_coroutine_threadsafe(self._api.stop(), self._loop).result(20)

    def close(self) -> None:
        self.shut()
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(5)
        self._loop.close()
        self._ports.close()

    def tell(self, events: Iterable[Event], at_s: float | None = None) -> None:
        told = [
            Told(kind, at_s or time.time(), call, json.dumps(data).encode())
            for kind, call, data in events
        ]
        asyncio.run_coroutine_threadsafe(self._put(told), self._loop).result(20)

    async def _put(self, told: list[Told]) -> None:
        for one in told:
            self._events.put(one)
            if one.type == "call.incoming":
                self.edge.calls[one.call_id] = one.at_s
            elif one.type == "call.ended":
                self.edge.calls.pop(one.call_id, None)

    def _place(self, call: str, request: PlaceRequest) -> None:
        data = {"to": request.to, "account": "carrier", "route": request.route, "worker": 1}
        data |= {"called": request.to, "caller": {"number": request.caller_id}, "by": request.by}
        self._events.put(Told("call.placing", time.time(), call, json.dumps(data).encode()))

    @property
    def token(self) -> str:
        return TOKENS["admin"]


class _Edge:
    """What the API asks of an edge."""

    def __init__(self, begin: Callable[[str, PlaceRequest], None]) -> None:
        """`begin`: a call that is placed."""
        self._begin = begin
        self.placed: list[PlaceRequest] = []
        self.done = Done("done")
        """What comes of commands."""
        self.calls: dict[str, float] = {}
        self.draining = False
        self.steered: list[tuple[str, Any]] = []
        self.fetched: list[tuple[str, str, str]] = []

    def state(self) -> EdgeState:
        oldest = min(self.calls.values(), default=time.time())
        return EdgeState(
            calls=len(self.calls),
            max_calls=1024,
            draining=self.draining,
            worker_missing_s=0,
            engine_missing_s=0,
            oldest_s=time.time() - oldest,
            drain_left_s=None,
            stopping=False,
            call_ids=tuple(self.calls),
        )

    async def steer(self, call_id: str, command: Any, by: str) -> Done:
        self.steered.append((call_id, command))
        return self.done

    async def place(self, request: PlaceRequest) -> str:
        self.placed.append(request)
        call_id = f"c-placed-{len(self.placed)}"
        self._begin(call_id, request)
        return call_id

    def queues(self) -> list[QueueState]:
        return []

    def engine_slots(self) -> list[EngineState]:
        return []

    def set_member(
        self, queue: str, member: str, state: PresenceState, reason: str, by: str
    ) -> bool:
        return False

    def watch_calls(self, for_s: float) -> None:
        pass

    def tell(self, event: object) -> None:
        raise NotImplementedError

    def recording_fetched(self, call_id: str, file: str, by: str) -> None:
        self.fetched.append((call_id, file, by))

    def begin_drain(self, timeout_s: float | None, *, stop: bool) -> None:
        self.draining = True

    def end_drain(self) -> bool:
        self.draining = False
        return True

    def log_level(self) -> str:
        return "info"

    def refresh_registration(self, account: str) -> None:
        pass


def incoming(call: str, **more: Any) -> Event:
    data = {
        "sip_call_id": f"{call}@carrier.example",
        "from": "sip:+4930123456@carrier.example",
        "to": "sip:+4989998877@edge.example",
        "source": "192.0.2.1:5060",
        "origin": "carrier",
        "route": "support",
        "rtp_port": 20_000,
        "worker": 1,
    }
    return "call.incoming", call, data | more


def answered(call: str, **more: Any) -> list[Event]:
    media = {"codec": "PCMA", "remote": "192.0.2.1:30000", "direction": "sendrecv", "ssrc": "0x1"}
    return [
        incoming(call, **more),
        ("call.answered", call, {"setup_ms": 12.5}),
        ("call.confirmed", call, {}),
        ("call.media", call, media),
        ("engine.in_use", call, {"engine": "main", "why": "first", "session_id": "s"}),
    ]


def ended(call: str, **more: Any) -> Event:
    data = {"status": "completed", "end": {"by": "caller", "reason": "hangup"}, "duration_s": 61.5}
    return "call.ended", call, data | more
