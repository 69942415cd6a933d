"""The process that relays: joints of the product, or sockets that pass each datagram on.

The plain relay is the floor: one read and one write for each packet, no RTP, by the same loop.
"""

from __future__ import annotations

import asyncio
import resource
import socket
import threading
from collections.abc import Sequence
from functools import partial
from multiprocessing.connection import Connection
from typing import Literal, TypeAlias

import uvloop

from sipua.bridge.call.leg import MediaLeg
from sipua.bridge.call.media import MediaPlan, MediaSettings
from sipua.bridge.fault_owner import FaultOwner
from sipua.bridge.joint.joint import Joint
from sipua.bridge.playout.pacer import Pacer
from sipua.codecs.g711 import Law
from sipua.rtp.events import Address, RtpEvent
from sipua.rtp.latch.latch import Policy
from sipua.rtp.ports import ReservedPort

Kind: TypeAlias = Literal["joint", "plain"]
Pair: TypeAlias = tuple[socket.socket, socket.socket]
"""RTP and RTCP of one leg."""

_SETTINGS = MediaSettings(
    ptime_ms=20, hold_ms=60, max_hold_ms=200, timeout_s=300, hold_timeout_s=300, latch=Policy.AUTO
)


def run(kind: Kind, pipe: Connection, legs: Sequence[Pair], phones: Sequence[Address]) -> None:
    """Legs 0 and 1 hear each other, 2 and 3, …; until the pipe says that it is over."""
    uvloop.run(_run(kind, pipe, legs, phones))


async def _run(
    kind: Kind, pipe: Connection, legs: Sequence[Pair], phones: Sequence[Address]
) -> None:
    loop = asyncio.get_running_loop()
    over = asyncio.Event()
    for rtp, rtcp in legs:
        rtp.setblocking(False)
        rtcp.setblocking(False)
    joints = (_joints if kind == "joint" else _plain)(legs, phones)
    pipe.send("ready")

    def wait() -> None:
        """The figures when they are asked for, and again at the end."""
        while pipe.recv() != "over":
            used = resource.getrusage(resource.RUSAGE_SELF)
            pipe.send(used.ru_utime + used.ru_stime)
        loop.call_soon_threadsafe(over.set)

    threading.Thread(target=wait, daemon=True).start()
    await over.wait()
    del joints


def _joints(legs: Sequence[Pair], phones: Sequence[Address]) -> list[Joint]:
    pacer, joints = Pacer(), list[Joint]()
    for at in range(0, len(legs), 2):
        joint: list[Joint] = []

        def from_a(events: Sequence[RtpEvent], joint: list[Joint] = joint) -> None:
            joint[0].from_a(events)

        def from_b(events: Sequence[RtpEvent], joint: list[Joint] = joint) -> None:
            joint[0].from_b(events)

        sides = []
        for (rtp, rtcp), phone, on_rtp in zip(
            legs[at : at + 2], phones[at : at + 2], (from_a, from_b), strict=True
        ):
            local = ReservedPort(rtp.getsockname()[1], rtp, rtcp)
            leg = MediaLeg(local, pacer, _SETTINGS, on_rtp=on_rtp, faults=FaultOwner())
            leg.open(_plan(phone))
            leg.start()
            sides.append(leg)
        joint.append(Joint(sides[0], sides[1]))
        joint[0].begin()
        joints.append(joint[0])
    return joints


def _plan(phone: Address) -> MediaPlan:
    return MediaPlan(
        remote=phone,
        signalling_ip=phone[0],
        law=Law.PCMU,
        payload_type=0,
        law_by_type={0: "PCMU", 8: "PCMA"},
        telephone_event_type=101,
        telephone_event_send_type=101,
        sends=True,
        receives=True,
    )


def _plain(legs: Sequence[Pair], phones: Sequence[Address]) -> list[Joint]:
    loop = asyncio.get_running_loop()
    for at, (rtp, _) in enumerate(legs):
        other = at ^ 1
        loop.add_reader(rtp, partial(_pass_on, rtp, legs[other][0], phones[other]))
    return []


def _pass_on(source: socket.socket, other: socket.socket, target: Address) -> None:
    other.sendto(source.recv(2048), target)
