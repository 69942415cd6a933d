"""What a supervisor costs: calls with an agent and one, beside the same calls without, in one run:

    python benchmarks/experiments/supervise_cost.py [--calls 40] [--seconds 10] [--pairs 2]

All parties talk all the time, and are a process of their own, which is not counted. The supervisor
All parties talk all the time, in a process of their own, which is not counted. The supervisor
in and out are in what is measured.
"""

from __future__ import annotations

import argparse
import asyncio
import multiprocessing
import socket
import time
from collections.abc import Sequence
from functools import partial
from multiprocessing.connection import Connection
from pathlib import Path

import uvloop

from sipua.bridge.call.leg import MediaLeg
from sipua.bridge.call.media import MediaPlan, MediaSettings
from sipua.bridge.fault_owner import FaultOwner
from sipua.bridge.joint.third import Third
from sipua.bridge.playout.pacer import Pacer
from sipua.bridge.playout.sounds import soft_hold
from sipua.bridge.uplink.timeline import Uplink
from sipua.codecs.g711 import Law
from sipua.rtp.events import Address, RtpEvent
from sipua.rtp.latch.latch import Policy
from sipua.rtp.packet import build
from sipua.rtp.ports import ReservedPort

SETTINGS = MediaSettings(
    ptime_ms=20, hold_ms=60, max_hold_ms=200, timeout_s=300, hold_timeout_s=300, latch=Policy.AUTO
)
SETTLE_S = 1.0
FRAME_S = 0.02


def udp() -> socket.socket:
    bound = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    bound.bind(("127.0.0.1", 0))
    bound.setblocking(False)
    return bound


def plan(phone: Address) -> MediaPlan:
    return MediaPlan(
        remote=phone,
        signalling_ip=phone[0],
        law=Law.PCMU,
        payload_type=0,
        law_by_type={0: "PCMU", 8: "PCMA"},
        telephone_event_type=None,
        sends=True,
        receives=True,
    )


def opened(leg: MediaLeg, phone: Address) -> MediaLeg:
    leg.open(plan(phone))
    leg.start()
    return leg


def call(
    sockets: Sequence[tuple[socket.socket, socket.socket]],
    phones: Sequence[Address],
    pacer: Pacer,
    *,
    supervised: bool,
) -> object:
    """The audio path without an engine: what came is decoded and resampled, a sound is played."""
    uplink = Uplink({0: Law.PCMU, 8: Law.PCMA})

    def heard(events: Sequence[RtpEvent]) -> None:
        uplink.feed(events, time.monotonic())

    ports = [ReservedPort(rtp.getsockname()[1], rtp, rtcp) for rtp, rtcp in sockets]
    leg = MediaLeg(ports[0], pacer, SETTINGS, on_rtp=heard, faults=FaultOwner())
    opened(leg, phones[0]).fill(soft_hold())
    if not supervised:
        return leg
    third: list[Third] = []

    def said(events: Sequence[RtpEvent]) -> None:
        third[0].said(events)

    other = opened(leg.another(ports[1], said), phones[1])
    third.append(Third(leg, other, FaultOwner(), "barge"))
    third[0].begin(time.monotonic())
    return leg, third


async def serve(
    supervised: bool,
    pipe: Connection,
    sockets: Sequence[tuple[socket.socket, socket.socket]],
    phones: Sequence[Address],
) -> None:
    pacer = Pacer()
    for pair in sockets:
        for one in pair:
            one.setblocking(False)
    calls = [
        call(sockets[at : at + 2], phones[at : at + 2], pacer, supervised=supervised)
        for at in range(0, len(phones), 2)
    ]
    over = asyncio.Event()
    asyncio.get_running_loop().add_reader(pipe.fileno(), over.set)
    pipe.send("ready")
    await over.wait()
    del calls


def child(
    supervised: bool,
    pipe: Connection,
    sockets: Sequence[tuple[socket.socket, socket.socket]],
    phones: Sequence[Address],
) -> None:
    uvloop.run(serve(supervised, pipe, sockets, phones))
    pipe.recv()
    pipe.send("over")


def measured(supervised: bool, calls: int, seconds: float) -> float:
    """Percent of a core for each call."""
    phones = [udp() for _ in range(2 * calls)]
    sockets = [(udp(), udp()) for _ in range(2 * calls)]
    targets = [rtp.getsockname() for rtp, _ in sockets]
    pipe, theirs = multiprocessing.Pipe()
    addresses = [phone.getsockname() for phone in phones]
    context = multiprocessing.get_context("spawn")
    process = context.Process(target=child, args=(supervised, theirs, sockets, addresses))
    process.start()
    pipe.recv()
    talk = partial(talks, phones, targets, every=1 if supervised else 2)
    talk(SETTLE_S, 0)
    before = cpu_s(process.pid)
    talk(seconds, round(SETTLE_S / FRAME_S))
    used = cpu_s(process.pid) - before
    pipe.send("over")
    pipe.recv()
    process.join()
    for one in (*phones, *(each for pair in sockets for each in pair)):
        one.close()
    return used / seconds / calls * 100


def cpu_s(pid: int | None) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / 100


def talks(
    phones: Sequence[socket.socket],
    targets: Sequence[Address],
    seconds: float,
    first: int,
    *,
    every: int,
) -> None:
    """Frames of all phones, or of the callers alone, spread over their 20 ms."""
    due, step_s = time.monotonic(), FRAME_S / len(phones)
    for number in range(first, first + round(seconds / FRAME_S)):
        for index, phone in enumerate(phones):
            due += step_s
            if index % every:
                continue
            if (wait_s := due - time.monotonic()) > 0:
                time.sleep(wait_s)
            packet = build(
                bytes(range(160)),
                payload_type=0,
                sequence=number,
                timestamp=number * 160,
                ssrc=index + 1,
            )
            phone.sendto(packet, targets[index])


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--calls", type=int, default=40)
    parser.add_argument("--seconds", type=float, default=10.0)
    parser.add_argument("--pairs", type=int, default=2)
    arguments = parser.parse_args()
    for _ in range(arguments.pairs):
        alone, with_one = (
            measured(which, arguments.calls, arguments.seconds) for which in (False, True)
        )
        print(f"{alone:.3f} % of a core a call alone, {with_one:.3f} % with a supervisor")
