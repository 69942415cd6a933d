"""The phones: a process of its own that sends recorded or made-up RTP and hears what comes back.

It notes when each packet was handed to the kernel, and of each arrival the kernel's own stamp, so
that neither a busy interpreter here nor the edge's is blamed on the other. All judgement comes
afterwards. Sending is done by sleeping until the next packet is due; sockets are read every few
milliseconds, because the stamps are the kernel's.
"""

from __future__ import annotations

import abc
import contextlib
import gc
import heapq
import select
import socket
import struct
import time
from array import array
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from typing import TYPE_CHECKING

from sipua.bench.common import clock
from sipua.rtp.events import Address

if TYPE_CHECKING:
    from sipua.bench.replay.encryption import Encryption

_HEADER = struct.Struct("!BBHII")
_READ_EVERY_NS = 4_000_000
_LONGEST_SLEEP_NS = 2_000_000
_FRAME_NS = 20_000_000
_FRAME_SAMPLES = 160


@dataclass(slots=True)
class Heard:
    """What one phone sent and got; times on the monotonic clock unless they say otherwise."""

    first: int = 0
    """Packets sent before these."""
    sent_ns: array[int] = field(default_factory=lambda: array("q"))
    sent_sequence: array[int] = field(default_factory=lambda: array("q"))
    unsent: int = 0
    arrival_wall_ns: array[int] = field(default_factory=lambda: array("q"))
    sequence: array[int] = field(default_factory=lambda: array("q"))
    timestamp: array[int] = field(default_factory=lambda: array("q"))
    marker: array[int] = field(default_factory=lambda: array("b"))
    silent: array[int] = field(default_factory=lambda: array("b"))
    malformed: int = 0


class Phone(abc.ABC):
    """One socket. What it says is decided by `ScriptedPhone` and `TalkingPhone`."""

    def __init__(self, udp: socket.socket, law_silence: int) -> None:
        clock.ask_for_stamps(udp)
        udp.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
        udp.setblocking(False)
        self.udp = udp
        self.target: Address | None = None
        self.decrypt: Callable[[bytes], bytes] | None = None
        self.heard = Heard()
        self._silence = bytes([law_silence]) * _FRAME_SAMPLES

    @abc.abstractmethod
    def next_due_ns(self) -> int | None:
        """When to call `send` next; None: never again."""

    @abc.abstractmethod
    def send(self) -> None: ...

    def transmit(self, datagram: bytes) -> None:
        heard = self.heard
        assert self.target is not None
        heard.sent_ns.append(time.monotonic_ns())
        heard.sent_sequence.append(datagram[2] << 8 | datagram[3])
        try:
            self.udp.sendto(datagram, self.target)
        except (BlockingIOError, ConnectionRefusedError):
            heard.unsent += 1

    def take(self) -> Heard:
        """What was noted since the last time."""
        heard, self.heard = self.heard, Heard(first=self.heard.first + len(self.heard.sent_ns))
        return heard

    def read(self) -> None:
        """All that waits in the socket."""
        heard = self.heard
        while True:
            try:
                data, stamps, _, _ = self.udp.recvmsg(2048, clock.ANCILLARY_BYTES)
            except BlockingIOError:
                return
            except ConnectionRefusedError:
                continue  # an ICMP error of our own sending: the other side has closed
            if len(data) < _HEADER.size or data[0] & 0xC0 != 0x80 or 192 <= data[1] <= 223:
                heard.malformed += 1  # RTCP too: it is not what is timed here
                continue
            if self.decrypt is not None and not (data := self.decrypt(data)):
                heard.malformed += 1
                continue
            _, kind, sequence, timestamp, _ = _HEADER.unpack_from(data)
            heard.arrival_wall_ns.append(clock.stamp_ns(stamps))
            heard.sequence.append(sequence)
            heard.timestamp.append(timestamp)
            heard.marker.append(kind >> 7)
            heard.silent.append(data[_HEADER.size :] == self._silence)


@dataclass(frozen=True, slots=True)
class Script:
    """When each packet of a list leaves, in nanoseconds after the start."""

    at_ns: array[int]
    index: array[int]


class ScriptedPhone(Phone):
    """Says what was recorded."""

    def __init__(
        self,
        udp: socket.socket,
        law_silence: int,
        packets: Sequence[bytes],
        script: Script,
        start_ns: int,
    ) -> None:
        super().__init__(udp, law_silence)
        self._packets = packets
        self._script = script
        self._start_ns = start_ns
        self._next = 0

    def next_due_ns(self) -> int | None:
        if self._next == len(self._script.at_ns):
            return None
        return self._start_ns + self._script.at_ns[self._next]

    def send(self) -> None:
        self.transmit(self._packets[self._script.index[self._next]])
        self._next += 1


class TalkingPhone(Phone):
    """Says the same frames again and again, 20 ms apart, until it is told to stop."""

    def __init__(
        self,
        udp: socket.socket,
        law_silence: int,
        frames: Sequence[bytes],
        payload_type: int,
        ssrc: int,
    ) -> None:
        super().__init__(udp, law_silence)
        self._frames = frames
        self._payload_type = payload_type
        self.ssrc = ssrc
        self._due_ns: int | None = None
        self._count = 0

    def begin(self, target: Address, now_ns: int) -> None:
        self.target = target
        self._due_ns = now_ns

    def stop(self) -> None:
        self._due_ns = None

    def next_due_ns(self) -> int | None:
        return self._due_ns

    def send(self) -> None:
        assert self._due_ns is not None
        self.transmit(self.packet(self._count))
        self._count += 1
        self._due_ns += _FRAME_NS

    def packet(self, count: int) -> bytes:
        """The one of this number."""
        marker = 0x80 if count == 0 else 0
        header = _HEADER.pack(
            0x80,
            marker | self._payload_type,
            count & 0xFFFF,
            count * _FRAME_SAMPLES & 0xFFFFFFFF,
            self.ssrc,
        )
        return header + self._frames[count % len(self._frames)]


class Switchboard:
    """Sends what is due, reads what has come, and looks at other descriptors for its owner."""

    def __init__(self) -> None:
        self._phones: dict[int, Phone] = {}
        self._due: list[tuple[int, int]] = []
        self._epoll = select.epoll()
        self._others: dict[int, object] = {}
        self.max_late_ns = 0

    def add(self, phone: Phone) -> None:
        number = phone.udp.fileno()
        self._phones[number] = phone
        self._epoll.register(number, select.EPOLLIN)
        self.plan(phone)

    def remove(self, phone: Phone) -> None:
        """Before its socket is closed: the number may be another one's then."""
        number = phone.udp.fileno()
        self._epoll.unregister(number)
        del self._phones[number]

    def plan(self, phone: Phone) -> None:
        """Its next packet is due at another time than was known."""
        due_ns = phone.next_due_ns()
        if due_ns is not None:
            heapq.heappush(self._due, (due_ns, phone.udp.fileno()))

    def watch(self, descriptor: int) -> None:
        self._epoll.register(descriptor, select.EPOLLIN)

    def turn(self, read_at_ns: int) -> list[int]:
        """Until the next reading time; returns the watched descriptors that can be read."""
        due = self._due
        while (now_ns := time.monotonic_ns()) < read_at_ns:
            while due and due[0][0] <= now_ns:
                due_ns, number = heapq.heappop(due)
                phone = self._phones.get(number)
                if phone is None or phone.next_due_ns() != due_ns:
                    continue  # it was stopped
                self.max_late_ns = max(self.max_late_ns, now_ns - due_ns)
                phone.send()
                self.plan(phone)
            until_ns = min(read_at_ns, due[0][0]) if due else read_at_ns
            wait_ns = min(until_ns - time.monotonic_ns(), _LONGEST_SLEEP_NS)
            if wait_ns > 0:
                time.sleep(wait_ns / 1e9)
        readable = []
        for number, _ in self._epoll.poll(0):
            if (phone_there := self._phones.get(number)) is not None:
                phone_there.read()
            else:
                readable.append(number)
        return readable

    def run_once(self) -> list[int]:
        return self.turn(time.monotonic_ns() + _READ_EVERY_NS)


@dataclass(frozen=True, slots=True)
class Replay:
    """What the replaying process is told."""

    sockets: list[socket.socket]
    targets: list[Address]
    packets: list[bytes]
    scripts: list[Script]
    law_silence: int
    srtp: Encryption | None = None
    """What is sent in the place of `packets`, and how to read what comes back."""


def replay(pipe: Connection, plan: Replay) -> None:
    """The process of `sipua bench capture`: "start" and a time, then "finish"."""
    gc.disable()
    wall = clock.WallClock()
    with contextlib.suppress(EOFError, KeyboardInterrupt):
        pipe.send("ready")
        start_ns: int = pipe.recv()
        wall.mark()
        board = Switchboard()
        phones = []
        for udp, target, script in zip(plan.sockets, plan.targets, plan.scripts, strict=True):
            packets = plan.srtp.packets if plan.srtp else plan.packets
            phone = ScriptedPhone(udp, plan.law_silence, packets, script, start_ns)
            phone.target = target
            phone.decrypt = plan.srtp.reader() if plan.srtp else None
            phones.append(phone)
            board.add(phone)
        board.watch(pipe.fileno())
        while not board.run_once():
            """Until the parent says that it is over."""
        pipe.recv()
        wall.mark()
        pipe.send(([phone.heard for phone in phones], wall, board.max_late_ns))
