"""What an edge sends to Homer, put together.

    edge's loop:  a SIP message, a report of RTCP, an event ──▶ a queue (nothing else happens there)
    thread:       every 50 ms the queue ──▶ secrets masked, packets made ──▶ the collector

A collector that is down costs nothing but the queue's memory: what finds no room in it is the
oldest, and is counted. Nothing is kept on disk: records and captures are.
"""

from __future__ import annotations

import asyncio
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final, TypeAlias

import msgspec

from sipua.bridge.fault_owner import FaultOwner, nothing
from sipua.capture.sip_messages import sip_datagram
from sipua.events.stream import EventStream, Happened
from sipua.events.teller import ENDED, Told, rfc3339
from sipua.log import logs
from sipua.log.throttle import Throttle
from sipua.outputs.cdr import row
from sipua.outputs.cdr.calls_up import WANTED, CallsUp
from sipua.outputs.hep.correlation import Correlation
from sipua.outputs.hep.line import Line
from sipua.outputs.hep.packet import TCP, UDP, Packet, Sender, encode
from sipua.outputs.hep.rtcp_json import documents
from sipua.outputs.hep.seen import RtcpSeen, second_leg
from sipua.outputs.hep.settings import WHAT, HepSettings, What
from sipua.rtp.events import Address
from sipua.sip.messages import SipMessage
from sipua.sip.wire.texts import Message

_EVERY_S: Final = 0.05
_STOP_S: Final = 2.0
MOST_WAITING: Final = 10_000
"""A thousand calls a minute are 200 messages, events and reports a second: 50 s of them."""
_FINE_AFTER: Final = 5
"""Packets: a closed port is told of behind each of them."""
_NAMING: Final = ("call.incoming", "call.invited", "call.leg")
FIX: Final = "`hep.host`, `hep.port`, `hep.transport`; calls go on, what is not sent is lost"


_Item: TypeAlias = tuple[float, SipMessage] | RtcpSeen | Told


class Hep:
    """The edge's loop calls `start`, `stop`, `counts` and `take_…`, the thread everything else."""

    def __init__(
        self,
        settings: HepSettings,
        events: EventStream,
        local_of: Callable[[str, str], Address],
    ) -> None:
        """`local_of(transport, peer)`: our address as this peer sees it; any thread may ask."""
        self._what = settings.what
        self._events = events
        self._local_of = local_of
        self._sender = Sender(settings.capture_id, settings.auth_key, settings.node)
        self._line = Line(settings)
        self._waiting: deque[_Item] = deque()
        self._calls = CallsUp(events.node)
        self._names: Correlation[RtcpSeen | Told | _Record] = Correlation()
        # All of them from the beginning: another thread copies the dictionary.
        self._counts = dict.fromkeys(("dropped", "unsendable", *map(_sent, WHAT)), 0)
        self._lost_told = 0
        self._trouble = self._fine = 0
        self._down_told = False
        self._complaints = Throttle(60.0)
        self._faults = FaultOwner("hep.failed_inside", logs.get(), nothing)
        self._unsubscribe: Callable[[], None] = nothing
        self._stopping = threading.Event()
        # A daemon: a name server that never answers must not keep the process from ending.
        self._thread = threading.Thread(target=self._run, name="hep", daemon=True)

    # --- the edge's loop --------------------------------------------------------------------

    async def start(self) -> None:
        self._unsubscribe = self._events.subscribe(self._take_event)
        self._thread.start()

    async def stop(self) -> None:
        """Behind the last event: what waits is sent, if the collector takes it."""
        self._unsubscribe()
        self._stopping.set()
        if self._thread.is_alive():
            # Also calls end at this time: the loop must not wait for a collector.
            await asyncio.to_thread(self._thread.join, _STOP_S)

    def take_sip(self, message: SipMessage) -> None:
        if "sip" in self._what:
            self._put((time.time(), message))

    def take_rtcp(self, seen: RtcpSeen) -> None:
        self._counts["dropped"] += seen.missed
        if "rtcp" in self._what:
            self._put(seen)

    def _take_event(self, happened: Happened) -> None:
        # Homer has no place for what is of no call, and what people say is not for it.
        if happened.told.call_id and happened.told.type != "turn.text":
            self._put(happened.told)

    def _put(self, item: _Item) -> None:
        if len(self._waiting) >= MOST_WAITING:
            self._waiting.popleft()
            self._counts["dropped"] += 1
        self._waiting.append(item)

    def counts(self) -> dict[str, int]:
        """`sent_…` by kind; `dropped` for want of room; `unsendable`: no addresses; `given_up`: a
        call that never had a Call-ID; `failed` in sending; `refused` by a closed port."""
        line = self._line
        return {
            **self._counts,
            "given_up": self._names.given_up,
            "failed": line.failed,
            "refused": line.refused,
            "connections": line.opened,
            "waiting": len(self._waiting),
            "up": int(line.is_up),
        }

    # --- the thread -------------------------------------------------------------------------

    def _run(self) -> None:
        stopped = False
        while not stopped:
            stopped = self._stopping.wait(_EVERY_S)
            self._faults.harmless("hep.failed_inside").run("hep", self.drain)
        self._line.close()

    def drain(self) -> None:
        """Send what waits, and tell what could not be sent."""
        if self._waiting and self._line.open(time.monotonic()):
            while self._waiting and self._line.is_up:
                self._send(self._waiting.popleft())
        self._tell()

    def _send(self, item: _Item) -> None:
        for packet in self._packets(item):
            try:
                data = encode(packet, self._sender)
            except ValueError:
                self._counts["unsendable"] += 1
                continue
            if self._line.send(data, time.monotonic()):
                self._counts[_sent(packet.kind)] += 1

    def _packets(self, item: _Item) -> Iterator[Packet]:
        if isinstance(item, tuple):
            yield from self._sip(*item)
        elif isinstance(item, RtcpSeen):
            name = self._names.of(item.call_id, item)
            if name is not None:
                yield from self._of_call(item, name)
        else:
            yield from self._event(item)

    def _sip(self, at_s: float, message: SipMessage) -> Iterator[Packet]:
        found = sip_datagram(message, self._local_of)
        if found is None:
            self._counts["unsendable"] += 1
            return
        source, target, payload = found
        protocol = TCP if message.peer.lower().startswith(("tcp", "tls")) else UDP
        call_id = Message(message.text).header("Call-ID") or ""
        yield Packet("sip", at_s, source, target, payload, call_id, protocol)

    def _event(self, told: Told) -> Iterator[Packet]:
        if told.type in _NAMING:
            fields = msgspec.json.decode(told.data)
            leg = fields.get("leg")
            about = second_leg(told.call_id, str(leg)) if leg else told.call_id
            for item, name in self._names.named(about, str(fields.get("sip_call_id") or "")):
                yield from self._of_call(item, name)
        line = told if "logs" in self._what else None
        for of_call in (line, self._record(told)):
            found = None if of_call is None else self._names.of(told.call_id, of_call)
            if of_call is not None and found is not None:
                yield from self._of_call(of_call, found)
        if told.type == ENDED:
            self._names.over(told.call_id)
            self._names.over(second_leg(told.call_id))

    def _record(self, told: Told) -> _Record | None:
        if "cdr" not in self._what or told.type not in WANTED:
            return None
        made = self._calls.feed(told)
        return None if made is None else _Record(told.at_s, row.encode(made))

    def _of_call(self, item: RtcpSeen | Told | _Record, name: str) -> Iterator[Packet]:
        if isinstance(item, RtcpSeen):
            for payload in documents(item.datagram):
                yield Packet("rtcp", item.at_s, item.source, item.target, payload, name)
            return
        kind: What = "logs" if isinstance(item, Told) else "cdr"
        payload = _line(item) if isinstance(item, Told) else item.payload
        yield Packet(kind, item.at_s, *self._line.ends(), payload, name)

    def _tell(self) -> None:
        """In the log, at most once a minute each; that it works again once."""
        line, now = self._line, time.monotonic()
        if line.troubles > self._trouble:
            self._trouble, self._fine = line.troubles, line.sent
            if self._complaints.ask("down", now) is not None:
                self._down_told = True
                logs.get().warning("hep.failing", cause=line.cause, **self.counts(), fix=FIX)
        elif self._down_told and line.sent >= self._fine + _FINE_AFTER:
            self._down_told = False
            logs.get().info("hep.works_again", **self.counts())
        lost = self._counts["dropped"]
        if lost > self._lost_told and self._complaints.ask("lost", now) is not None:
            logs.get().warning("hep.lost", count=lost - self._lost_told, in_all=lost, fix=FIX)
            self._lost_told = lost


def _sent(kind: What) -> str:
    return f"sent_{kind}"


@dataclass(frozen=True, slots=True)
class _Record:
    at_s: float
    payload: bytes


def _line(told: Told) -> bytes:
    """An event as a line of the log has it."""
    first = {
        "ts": rfc3339(datetime.fromtimestamp(told.at_s, UTC)),
        "event": told.type,
        "call_id": told.call_id,
    }
    fields = told.data.strip()
    rest = b"" if fields == b"{}" else b"," + fields[1:]
    return msgspec.json.encode(first)[:-1] + (rest or b"}")
