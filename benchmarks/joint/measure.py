"""The measurement: phones that send every 20 ms, and the kernel's time of each arrival.

Each payload begins with the time at which it was sent, which a joint of one law passes on. Joints
and plain relays get the same packets, one after the other in one run: what a joint adds is the
difference.
"""

from __future__ import annotations

import multiprocessing
import selectors
import socket
import struct
import time
from contextlib import ExitStack
from dataclasses import dataclass

import numpy as np

from sipua.bench.common.errors import BenchError
from sipua.bench.joint import relays
from sipua.bench.joint.relays import Kind
from sipua.rtp.packet import build

_STAMP = struct.Struct("!q")
_TIMESTAMPNS = 35  # SO_TIMESTAMPNS of Linux
_TIMESPEC = struct.Struct("@qq")
_HEADER = 12
_FRAME_S = 0.02
_SETTLES_S = 1.0
_LOCAL = ("127.0.0.1", 0)


@dataclass(frozen=True, slots=True)
class Figures:
    """Of one kind of relay."""

    p50_ms: float
    p99_ms: float
    core_percent: float
    """Of a core, for each joint: both directions."""
    sent: int
    arrived: int


def measure(kind: Kind, joints: int, seconds: float) -> Figures:
    """Raises BenchError when the relays do not start."""
    with ExitStack() as held:
        phones = [held.enter_context(_socket()) for _ in range(2 * joints)]
        pairs = [
            (held.enter_context(_socket()), held.enter_context(_socket()))
            for _ in range(2 * joints)
        ]
        context = multiprocessing.get_context("spawn")
        pipe, theirs = context.Pipe()
        addresses = [phone.getsockname() for phone in phones]
        child = context.Process(target=relays.run, args=(kind, theirs, pairs, addresses))
        child.start()
        held.callback(child.kill)
        if not pipe.poll(30) or pipe.recv() != "ready":
            raise BenchError("the relays did not start within 30 s")
        targets = [rtp.getsockname() for rtp, _ in pairs]
        for phone in phones:
            phone.setsockopt(socket.SOL_SOCKET, _TIMESTAMPNS, 1)
            phone.setblocking(False)
        _talk(phones, targets, _SETTLES_S, 0)
        before, began = _cpu_s(pipe), time.monotonic()
        sent, delays = _talk(phones, targets, seconds, round(_SETTLES_S / _FRAME_S))
        used, took = _cpu_s(pipe) - before, time.monotonic() - began
        pipe.send("over")
        child.join(5)
    if not delays:
        raise BenchError("no packet arrived")
    p50, p99 = np.percentile(np.array(delays) / 1e6, (50, 99))
    return Figures(float(p50), float(p99), used / took / joints * 100, sent, len(delays))


def _socket() -> socket.socket:
    udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    udp.bind(_LOCAL)
    return udp


def _cpu_s(pipe: object) -> float:
    pipe.send("cpu")  # type: ignore[attr-defined]  # a Connection, whose type is not public
    used: float = pipe.recv()  # type: ignore[attr-defined]
    return used


def _talk(
    phones: list[socket.socket], targets: list[tuple[str, int]], seconds: float, first: int
) -> tuple[int, list[int]]:
    """How many were sent, and the delays of those that came, in nanoseconds. The phones' packets
    are spread over the frame, as those of calls are."""
    delays: list[int] = []
    step_s, frames, count = _FRAME_S / len(phones), round(seconds / _FRAME_S), 0
    due = time.monotonic()
    with selectors.EpollSelector() as selector:
        for phone in phones:
            selector.register(phone, selectors.EVENT_READ)
        for number in range(first, first + frames):
            for index, phone in enumerate(phones):
                due += step_s
                while (wait_s := due - time.monotonic()) > 0:
                    for key, _ in selector.select(wait_s):
                        _receive(key.fileobj, delays)  # type: ignore[arg-type]  # a socket
                payload = _STAMP.pack(time.time_ns()) + b"\xff" * 152
                packet = build(
                    payload, payload_type=0, sequence=number, timestamp=number * 160, ssrc=index + 1
                )
                phone.sendto(packet, targets[index])
                count += 1
        end = time.monotonic() + 0.2
        while (wait_s := end - time.monotonic()) > 0:
            for key, _ in selector.select(wait_s):
                _receive(key.fileobj, delays)  # type: ignore[arg-type]  # as above
    return count, delays


def _receive(phone: socket.socket, delays: list[int]) -> None:
    data, stamps, _, _ = phone.recvmsg(2048, 64)
    seconds, nanoseconds = _TIMESPEC.unpack(stamps[0][2])
    sent_ns = _STAMP.unpack_from(data, _HEADER)[0] if len(data) == _HEADER + 160 else 0
    if data[1] & 0x7F == 0 and sent_ns > 1_500_000_000_000_000_000:  # not our own silence
        delays.append(seconds * 1_000_000_000 + nanoseconds - sent_ns)
