"""The operator of a life, a process: reads events, acts in calls, and places calls, by the API.

Beside it there are readers of everything else, and one that never reads what it asked for.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import uuid
from collections import Counter
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from multiprocessing.connection import Connection
from typing import Any

from sipua.bench.common.children import add_reader
from sipua.bench.life.config import TOKEN, Ports
from sipua.bench.life.parts import KINDS, Order
from sipua.bench.load.edge import HOST

_ASK_S = 60.0
"""A warm transfer is not waited for, but a busy machine may be slow."""
_LOOKS = (
    "/v1/calls?include=stats",
    "/v1/calls?state=ended&limit=20",
    "/v1/edge",
    "/v1/queues",
    "/v1/workers",
    "/v1/trunks",
    "/v1/webhooks",
    "/v1/refusals",
    "/metrics",
    "/health/ready",
)
_LOOK_EVERY_S = 1.0
_NEVER_READS_S = 25.0
_AGAIN_S = 1.0
_FINE = (200, 201, 202, 404, 409, 502, 503, 504)
"""The call has ended, or does something else just now; the target did not want."""
_PLACE = "API: place: "
_OF_CALLS = ("hangup", "transferred", "transfer_failed", "fallback", "supervised", "dtmf")


@dataclass(frozen=True, slots=True)
class State:
    done: dict[str, int]
    faults: dict[str, int]

    @property
    def not_placed(self) -> int:
        """Calls that the API has refused to place."""
        asked = {name: n for name, n in self.done.items() if name.startswith(_PLACE)}
        return sum(asked.values()) - asked.get(f"{_PLACE}201", 0)


def run(pipe: Connection, ports: Ports) -> None:
    """The process: "go", "rest", a kind to place a call of, and "state"; each is answered by the
    State."""
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(_Operator(pipe, ports).run())


class _Operator:
    def __init__(self, pipe: Connection, ports: Ports) -> None:
        self._pipe = pipe
        self._ports = ports
        self._kinds: dict[str, str] = {}
        """Of calls that are up, by their id."""
        self._done: Counter[str] = Counter()
        self._faults: Counter[str] = Counter()
        self._tasks: set[asyncio.Task[None]] = set()
        self._readers: list[asyncio.Task[None]] = []
        self._end = asyncio.Event()

    async def run(self) -> None:
        """Until the pipe is closed."""
        add_reader(self._pipe, self._told)
        self._pipe.send("ready")
        await self._end.wait()

    def _told(self) -> None:
        try:
            message = self._pipe.recv()
        except (EOFError, OSError):
            self._end.set()
            asyncio.get_running_loop().remove_reader(self._pipe.fileno())
            return
        match message:
            case "go":
                works = (self._follow(), self._look(), self._never_read())
                self._readers = [asyncio.create_task(work) for work in works]
            case "rest":
                for task in self._readers:
                    task.cancel()
                self._readers = []
            case str() if message in KINDS:
                self._start(self._place(message))
        self._pipe.send(State(dict(self._done), dict(self._faults)))

    def _start(self, work: Any) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    # --- readers ----------------------------------------------------------------------------

    async def _follow(self) -> None:
        """Events of calls, as they happen; again from the last one when the stream ends."""
        last = ""
        while True:
            with contextlib.suppress(OSError, asyncio.IncompleteReadError):
                async for number, event in self._events(last):
                    last = number
                    self._happened(event)
            await asyncio.sleep(_AGAIN_S)

    async def _events(self, last: str) -> AsyncIterator[tuple[str, Mapping[str, Any]]]:
        reader, writer = await asyncio.open_connection(HOST, self._ports.api)
        try:
            again = f"Last-Event-ID: {last}\r\n" if last else ""
            writer.write(self._head("GET", "/v1/events?types=call.*", again).encode() + b"\r\n")
            number = ""
            while line := await reader.readline():
                if line.startswith(b"id: "):
                    number = line[4:].strip().decode()
                elif line.startswith(b"data: "):
                    yield number, json.loads(line[6:])
        finally:
            writer.close()

    def _happened(self, event: Mapping[str, Any]) -> None:
        kind, call = str(event.get("type")), str(event.get("subject", ""))
        data = event.get("data", {})
        match kind:
            case "call.incoming":
                self._kinds[call] = str(data.get("route"))
            case "call.confirmed" if found := KINDS.get(self._kinds.get(call, "")):
                for order in found.orders:
                    self._start(self._give(call, order))
            case "call.ended":
                self._kinds.pop(call, None)
        if kind.partition(".")[2] in _OF_CALLS:
            cause = f" ({data['cause']})" if kind == "call.transfer_failed" else ""
            self._done[f"events: {kind}{cause}"] += 1

    async def _look(self) -> None:
        number = 0
        while True:
            path = _LOOKS[number % len(_LOOKS)]
            number += 1
            await self._ask("GET", path, what="looks")
            await asyncio.sleep(_LOOK_EVERY_S)

    async def _never_read(self) -> None:
        """Readers of all events that take nothing, until the edge, or we, have had enough."""
        while True:
            with contextlib.suppress(OSError):
                _, writer = await asyncio.open_connection(HOST, self._ports.api, limit=1)
                try:
                    path = "/v1/events?kept=500"
                    writer.write(self._head("GET", path).encode() + b"\r\n")
                    self._done["API: readers that never read"] += 1
                    await asyncio.sleep(_NEVER_READS_S)
                finally:
                    writer.transport.abort()
            await asyncio.sleep(_AGAIN_S)

    # --- orders -----------------------------------------------------------------------------

    async def _give(self, call: str, order: Order) -> None:
        await asyncio.sleep(order.at_s)
        if call not in self._kinds:
            return
        body = dict(order.body)
        if order.of_people:
            body["to"] = self._uri(body["to"])
        await self._ask("POST", f"/v1/calls/{call}/{order.path}", body, what=order.path)

    async def _place(self, kind: str) -> None:
        body = {"to": self._uri(kind), "origin": "people", "route": "agent"}
        await self._ask("POST", "/v1/calls", body, what="place")

    def _uri(self, user: str) -> str:
        return f"sip:{user}@{HOST}:{self._ports.people}"

    async def _ask(
        self, method: str, path: str, body: Mapping[str, Any] | None = None, *, what: str
    ) -> None:
        try:
            async with asyncio.timeout(_ASK_S):
                status, answer = await self._answer(method, path, body)
        except TimeoutError:
            self._faults[f"API: {what}: no answer"] += 1
            return
        except (OSError, ValueError, IndexError):
            self._faults[f"API: {what}: no connection"] += 1
            return
        self._done[f"API: {what}: {status}"] += 1
        if status not in _FINE:
            self._faults[f"API: {what}: {status} {answer[:160]}"] += 1

    async def _answer(
        self, method: str, path: str, body: Mapping[str, Any] | None
    ) -> tuple[int, str]:
        reader, writer = await asyncio.open_connection(HOST, self._ports.api)
        try:
            data = b"" if body is None else json.dumps(body).encode()
            more = "Connection: close\r\n"
            if body is not None:
                more += f"Content-Type: application/json\r\nContent-Length: {len(data)}\r\n"
                more += f"Idempotency-Key: {uuid.uuid4()}\r\n" if path == "/v1/calls" else ""
            writer.write(self._head(method, path, more).encode() + b"\r\n" + data)
            answer = await reader.read()
            return int(answer.split(b" ", 2)[1]), answer.partition(b"\r\n\r\n")[2].decode()
        finally:
            writer.close()

    def _head(self, method: str, path: str, more: str = "") -> str:
        return (
            f"{method} {path} HTTP/1.1\r\nHost: {HOST}\r\nAuthorization: Bearer {TOKEN}\r\n{more}"
        )
