"""The stream of all events of an edge: numbered, kept for a while, given to its readers.

Readers are called on the edge's loop, in the order of the numbers, and never wait: one that writes
or sends has a queue and a thread of its own, and none tells events itself. One that fails is
logged; the others get the event.
"""

from __future__ import annotations

import secrets
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import islice
from typing import TypeAlias
from urllib.parse import quote

import msgspec

from sipua.bridge.fault_owner import FaultOwner, nothing
from sipua.events.teller import Teller, Told, rfc3339
from sipua.log import logs
from sipua.process.trace_context import CallTrace

KEPT = 10_000
"""Events that a reader which comes back can still get."""


@dataclass(frozen=True, slots=True)
class Happened:
    """An event with its number. Numbers of one edge grow by one, from its start."""

    sequence: int
    told: Told
    boot: str
    """The run of the edge that it is of."""
    node: str

    @property
    def id(self) -> str:
        return f"{self.boot}-{self.sequence}"

    def json(self) -> bytes:
        """As a CloudEvent (1.0), structured mode."""
        told = self.told
        return msgspec.json.encode(
            {
                "specversion": "1.0",
                "id": self.id,
                "source": f"/sipua/{quote(self.node)}",
                "type": told.type,
                "time": rfc3339(datetime.fromtimestamp(told.at_s, UTC)),
                **({"subject": told.call_id} if told.call_id else {}),
                **({"traceparent": told.traceparent} if told.traceparent else {}),
                "sequence": f"{self.sequence:012d}",  # a text that sorts as its numbers do
                "datacontenttype": "application/json",
                "data": msgspec.Raw(told.data),
            }
        )


Reader: TypeAlias = Callable[[Happened], None]


class EventStream:
    def __init__(self, node: str, *, kept: int = KEPT) -> None:
        self.node = node
        self.boot = secrets.token_hex(4)
        self._kept: deque[Happened] = deque(maxlen=kept)
        self._sequence = 0
        self._readers: list[Reader] = []
        self._faults = FaultOwner("events.reader_failed", logs.get(), nothing)

    def put(self, told: Told) -> None:
        self._sequence += 1
        happened = Happened(self._sequence, told, self.boot, self.node)
        self._kept.append(happened)
        for reader in tuple(self._readers):
            self._faults.run(f"reader of {told.type}", reader, happened)

    def teller(self, call_id: str = "", trace: CallTrace | None = None) -> Teller:
        """Of this call, or of the edge itself."""
        traced = {"trace_id": trace.trace_id} if trace else {}
        log = logs.bind_call(call_id, **traced) if call_id else logs.get()
        return Teller(log, self.put, call_id, trace)

    def subscribe(self, reader: Reader) -> Callable[[], None]:
        """The returned function ends it."""
        self._readers.append(reader)
        return lambda: self._readers.remove(reader)

    def after(self, sequence: int) -> list[Happened] | None:
        """What happened after this number; None: it is not all kept any more."""
        missing = self._sequence - sequence
        if missing > len(self._kept) or missing < 0:
            return None
        return list(islice(self._kept, len(self._kept) - missing, None))
