"""The media of many calls: a process of its own that sends, receives and judges RTP.

SIPp signals, this end carries the sound: each call's SDP names one of our ports. The other side's
address is learnt as a phone learns it, from the SDP that SIPp received (the scenario logs it into
`targets`, and the end of the call), or else from the first packet that comes (symmetric RTP).

Arrivals carry the kernel's time stamp, so a busy test machine does not blame the sender.
"""

import contextlib
import gc
import multiprocessing
import selectors
import socket
import struct
import time
from dataclasses import dataclass, field
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Self

import numpy as np

from sipua.process import linux
from support.media import g711
from support.media.audio import Pcm
from support.media.rtp_stream import Received, RtpStream
from support.ports import LOOPBACK, PortBlock

_HEADER = struct.Struct("!BBHII")
_TIMESTAMPNS = 35  # SO_TIMESTAMPNS of Linux, which Python's socket module does not name
_TIMESPEC = struct.Struct("@qq")
_FRAME_S = 0.02
_FRAME_SAMPLES = 160
_SLOT_S = 0.001  # streams are spread over the 20 slots of a frame
_SLOTS = round(_FRAME_S / _SLOT_S)
# One process of the tests imports it, and each far end is forked from that: starting Python and
# importing numpy took more of the processor than the sound of a call does.
_PROCESSES = multiprocessing.get_context("forkserver")
_PROCESSES.set_forkserver_preload(["numpy", "soxr", "multiprocessing.connection", "wave"])


@dataclass(frozen=True, slots=True)
class _Plan:
    """What every stream sends."""

    frames: list[bytes]
    law: int
    repeat: bool
    targets: Path
    echo_db: float | None
    echo_frames: int
    lose_every: int


@dataclass(slots=True)
class _Leg:
    """One call's socket and where its sending stands."""

    rtp: socket.socket
    ssrc: int
    received: Received
    target: tuple[str, int] | None = None
    over: bool = False  # hung up: a late packet must not start it again
    sources: set[tuple[str, int]] = field(default_factory=set)
    sent: int = 0
    echo: dict[int, bytes] = field(default_factory=dict)
    """Heard, and not sent back yet: by the number of the frame that it goes into."""
    echo_from: tuple[int, int] | None = None
    """The timestamp that was heard first, and the frame that was sent next."""


class RtpFarEnd:
    """`with RtpFarEnd(folder, 100, pcm) as far_end:` … `streams = far_end.finish()`.

    `pcm` (8 kHz) is sent once the other side's address is known, then silence; with `repeat` it
    starts again. Compose what a caller says with `np.concatenate` and `audio.silence`.

    `echo_db`: what is heard is sent back, so much louder (-15: quieter) and `echo_ms` later, below
    what is said; `pcm` begins when the first packet is heard.
    """

    def __init__(
        self,
        home: Path,
        streams: int,
        pcm: Pcm,
        *,
        law: int = g711.PCMU,
        repeat: bool = False,
        echo_db: float | None = None,
        echo_ms: int = 120,
        lose_every: int = 0,
        host: str = LOOPBACK,
    ) -> None:
        self._block = PortBlock(2 * streams + 2)
        first, last = self._block.range(2 * streams)
        self.ports = list(range(first, last, 2))
        rtp = [_bound(host, port) for port in self.ports]
        # RTCP is not read here, but its port is ours: another's socket must not get it.
        self._rtcp = [_bound(host, port + 1) for port in self.ports]
        self.targets = home / f"media-targets-{first}"
        echo_frames = max(1, round(echo_ms / _FRAME_S / 1000))
        plan = _Plan(_frames(law, pcm), law, repeat, self.targets, echo_db, echo_frames, lose_every)
        self._pipe, theirs = _PROCESSES.Pipe()
        self._process = _PROCESSES.Process(target=_run, args=(theirs, rtp, plan), daemon=True)
        self._process.start()
        theirs.close()
        for copied in rtp:
            copied.close()
        if not self._pipe.poll(20):
            raise TimeoutError("the RTP far end did not start within 20 s")
        self._pipe.recv()

    @property
    def port(self) -> int:
        """Of the only stream."""
        (port,) = self.ports
        return port

    def finish(self) -> list[RtpStream]:
        """Stops sending and listening; what came in, in the order of `ports`."""
        self._pipe.send("finish")
        if not self._pipe.poll(30):
            raise TimeoutError("the RTP far end did not report within 30 s")
        streams: list[RtpStream] = self._pipe.recv()
        self.close()
        return streams

    def close(self) -> None:
        """Without a report; harmless after `finish()`."""
        self._pipe.close()
        self._process.join(2)
        if self._process.is_alive():
            self._process.kill()
            self._process.join()
        for unread in self._rtcp:
            unread.close()
        self._block.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()


def _bound(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    bound = socket.socket(family, socket.SOCK_DGRAM)
    bound.bind((host, port))
    bound.setblocking(False)
    return bound


def _frames(law: int, pcm: Pcm) -> list[bytes]:
    """20 ms payloads; the last one is filled up with silence."""
    padding = np.zeros(-len(pcm) % _FRAME_SAMPLES, np.int16)
    payload = g711.encode(law, np.concatenate([pcm, padding]))
    return [payload[at : at + _FRAME_SAMPLES] for at in range(0, len(payload), _FRAME_SAMPLES)]


def _run(pipe: Connection, sockets: list[socket.socket], plan: _Plan) -> None:
    """The other process: one loop, nothing but appends per packet, all judgement afterwards."""
    gc.disable()
    linux.go_first()  # a busy machine would be heard in what it sends
    legs = []
    for index, rtp in enumerate(sockets):
        rtp.setsockopt(socket.SOL_SOCKET, _TIMESTAMPNS, 1)
        rtp.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 20)
        legs.append(_Leg(rtp, 0x51500000 + index, Received(rtp.getsockname()[1])))
    far_end = _FarEnd(legs, plan)
    with selectors.EpollSelector() as selector:
        for leg in legs:
            selector.register(leg.rtp, selectors.EVENT_READ, leg)
        selector.register(pipe, selectors.EVENT_READ)
        pipe.send("ready")
        due = time.monotonic()
        slot = 0
        while True:
            for key, _ in selector.select(max(due - time.monotonic(), 0)):
                if key.data is None:
                    with contextlib.suppress(EOFError):  # closed without asking for a report
                        pipe.recv()
                        pipe.send([far_end.report(leg) for leg in legs])
                    return
                far_end.receive(key.data)
            while due <= time.monotonic():
                far_end.send(slot)
                # A slot without a stream is no reason to wake up.
                passed = 1 if slot + 1 < min(len(legs), _SLOTS) else _SLOTS - slot
                slot = (slot + passed) % _SLOTS
                due += passed * _SLOT_S


class _FarEnd:
    def __init__(self, legs: list[_Leg], plan: _Plan) -> None:
        self._by_port = {leg.received.port: leg for leg in legs}
        self._by_slot = [legs[slot::_SLOTS] for slot in range(_SLOTS)]
        self._plan = plan
        self._silence = g711.encode(plan.law, np.zeros(_FRAME_SAMPLES, np.int16))
        self._targets_read = 0

    def receive(self, leg: _Leg) -> None:
        """All that waits in the socket."""
        while True:
            try:
                data, stamps, _, source = leg.rtp.recvmsg(2048, 64)
            except BlockingIOError:
                return
            except ConnectionRefusedError:
                continue  # an ICMP error of our own sending: the other side has hung up
            seconds, nanoseconds = _TIMESPEC.unpack(stamps[0][2])
            leg.received.add(data, seconds * 1_000_000_000 + nanoseconds)
            if self._plan.echo_db is not None and len(data) == 12 + _FRAME_SAMPLES:
                self._keep_echo(leg, data)
            leg.sources.add(source)
            if leg.target is None and not leg.over:
                leg.target = source

    def send(self, slot: int) -> None:
        """One frame of every stream of this millisecond's slot."""
        plan = self._plan
        if slot == 0:
            self._read_targets()
        for leg in self._by_slot[slot]:
            if leg.target is None:
                continue
            frame = leg.sent % len(plan.frames) if plan.repeat else leg.sent
            payload = plan.frames[frame] if frame < len(plan.frames) else self._silence
            if plan.echo_db is not None:
                if not leg.received.count:
                    continue
                payload = self._with_echo(leg, payload)
            marker = 0x80 if leg.sent == 0 else 0
            header = _HEADER.pack(
                0x80,
                marker | plan.law,
                leg.sent & 0xFFFF,
                leg.sent * _FRAME_SAMPLES & 0xFFFFFFFF,
                leg.ssrc,
            )
            if plan.lose_every and leg.sent % plan.lose_every == plan.lose_every - 1:
                leg.sent += 1
                continue
            # Refused: gone; a full socket buffer cannot be waited for. Either way time goes on.
            with contextlib.suppress(ConnectionRefusedError, BlockingIOError):
                leg.rtp.sendto(header + payload, leg.target)
            leg.sent += 1

    def _keep_echo(self, leg: _Leg, data: bytes) -> None:
        """It comes back after the same time throughout: by its timestamp, and not by its arrival.
        Both clocks have 20 ms, each its own moment, and a side that stalls goes on at its time.
        """
        timestamp = int.from_bytes(data[4:8], "big")
        leg.echo_from = leg.echo_from or (timestamp, leg.sent)
        first, frame = leg.echo_from
        later = (timestamp - first) % 2**32 // _FRAME_SAMPLES
        leg.echo[frame + later + self._plan.echo_frames] = data[12:]

    def _with_echo(self, leg: _Leg, payload: bytes) -> bytes:
        heard = leg.echo.pop(leg.sent, None)
        if heard is None:
            return payload
        law, gain = self._plan.law, 10 ** ((self._plan.echo_db or 0) / 20)
        back = g711.decode(law, heard) * gain
        mixed = np.clip(g711.decode(law, payload) + back, -32768, 32767)
        return g711.encode(law, np.rint(mixed).astype(np.int16))

    def _read_targets(self) -> None:
        """New lines, `media OURPORT HOST PORT` when a call has its answer, `over OURPORT`."""
        try:
            text = self._plan.targets.read_text()
        except FileNotFoundError:
            return
        end = text.rfind("\n") + 1
        for line in text[self._targets_read : end].splitlines():
            match line.split():
                case ["media", ours, host, port] if leg := self._by_port.get(int(ours)):
                    if leg.over:  # another call
                        leg.over, leg.sent = False, 0
                    leg.target = (host, int(port))
                case ["over", ours] if leg := self._by_port.get(int(ours)):
                    leg.target, leg.over = None, True
        self._targets_read = max(end, self._targets_read)

    def report(self, leg: _Leg) -> RtpStream:
        return leg.received.judge(sources=sorted(leg.sources), sent=leg.sent)
