"""The ends of both legs, and their offers, at the same moment (T2, T4): by sockets of one clock."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator
from typing import Any

import pytest

from sipua.calls.steer.commands import Transfer
from support.calls.steered_edge import SteeredEdge
from support.footprint import nothing_kept, settled
from support.media import audio, g711
from support.peers.raw_caller import OFFER, RawCaller
from support.peers.raw_target import RawTarget

pytestmark = pytest.mark.peer

WITHIN_S = 0.1
"""From the caller's BYE to the end of the other leg."""
TRIES = 4
"""On a busy machine one of them is not delayed by others."""
SETTLE_S = 0.2
HELD = OFFER.replace("raw 1 1", "raw 1 2") + "a=sendonly\r\n"
INACTIVE = OFFER.replace("raw 1 1", "raw 1 2") + "a=inactive\r\n"
RESUMED = OFFER.replace("raw 1 1", "raw 1 3") + "a=sendrecv\r\n"


@pytest.fixture(scope="module")
def edge(tmp_path_factory: pytest.TempPathFactory) -> Iterator[SteeredEdge]:
    """Its agent is silent: no test of this file listens to it."""
    home = tmp_path_factory.mktemp("legs")
    transfer = {"mode": "dial", "settle_s": SETTLE_S}
    config: dict[str, Any] = {
        "agent": {"mode": "silence", "greeting": False},
        "tools": {"transfer": transfer},
    }
    edge = SteeredEdge(home / "edge", config)
    try:
        end_of_a_leg(edge, "joined")
        before = settled(edge.process.pid)
        yield edge
        nothing_kept(edge.process.pid, before)
    finally:
        edge.close()
    assert edge.events(name="call.failed") == []


def begun(edge: SteeredEdge, caller: RawCaller, target: RawTarget, **how: Any) -> str:
    """A call that is up, and that is being put through to the target."""
    calls = len(edge.events(name="call.confirmed"))
    caller.invite()
    caller.final("INVITE")
    caller.ack()
    call_id = str(edge.wait_event("call.confirmed", count=calls + 1)["call_id"])
    assert edge.steer(call_id, Transfer(target.uri, **how))["status"] == "accepted"
    target.ring()
    return call_id


def end_of_a_leg(edge: SteeredEdge, moment: str) -> float:
    """How long after the caller's BYE the other leg's end has left."""
    with RawCaller(edge.address) as caller, RawTarget() as target:
        call_id = begun(edge, caller, target)
        if moment == "ringing":
            edge.wait_event("call.transfer_progress", call_id=call_id)
        else:
            target.answer()
        if moment == "joined":
            edge.wait_event("call.joined", call_id=call_id)
        began_s = time.time()
        caller.bye()
        ends = target.wait("CANCEL", "BYE")
        target.agree(ends.method)
        if moment == "ringing":
            target.terminated()
        elif ends.method == "CANCEL":  # it met our 200: the call is up, and ends at once
            target.wait("ACK")
            ends = target.wait("BYE")
            target.agree("BYE")
        target.wait("ACK")
        assert caller.final("BYE").status == 200
        assert edge.wait_event("call.ended", call_id=call_id)["end"]["by"] == "caller"
        assert len(edge.events(call_id=call_id, name="call.leg_ended")) == 1
    return ends.came_s - began_s


@pytest.mark.parametrize("moment", ["ringing", "joining", "joined"])
def test_T2_the_other_leg_ends_within_100_ms(edge: SteeredEdge, moment: str) -> None:
    late_s: list[float] = []
    while not late_s or (min(late_s) >= WITHIN_S and len(late_s) < TRIES):
        late_s.append(end_of_a_leg(edge, moment))
        assert late_s[-1] > 0
    assert min(late_s) < WITHIN_S, late_s


def test_T2_the_caller_leaves_when_the_target_accepts(edge: SteeredEdge) -> None:
    """Neither side hears the other, or both ends are told: no leg is left."""
    with RawCaller(edge.address) as caller, RawTarget() as target:
        call_id = begun(edge, caller, target, mode="warm")
        target.answer()
        edge.wait_event("call.briefing", call_id=call_id)
        caller.bye()
        target.info("1")
        assert target.wait("BYE").came_s
        target.agree("BYE")
        assert target.final("INFO").status == 200
        assert caller.final("BYE").status == 200
        ended = edge.wait_event("call.ended", call_id=call_id)
        assert ended["end"]["by"] == "caller"
        outcomes = edge.events(call_id=call_id, name="call.transfer_failed")
        outcomes += edge.events(call_id=call_id, name="call.transferred")
        assert len(outcomes) == 1


def test_T4_both_sides_hang_up_at_once(edge: SteeredEdge) -> None:
    with RawCaller(edge.address) as caller, RawTarget() as target:
        call_id = begun(edge, caller, target)
        target.answer()
        edge.wait_event("call.transferred", call_id=call_id)
        caller.bye()
        target.bye()
        assert (caller.final("BYE").status, target.final("BYE").status) == (200, 200)
        assert edge.wait_event("call.ended", call_id=call_id)["end"]["by"] in ("caller", "target")
        assert len(edge.events(call_id=call_id, name="call.leg_ended")) == 1
        assert len(edge.events(call_id=call_id, name="call.ended")) == 1


def test_T4_offers_of_both_sides_at_once(edge: SteeredEdge) -> None:
    """Two dialogs: each is answered. Both hold, both resume, and one call is still up."""
    with RawCaller(edge.address) as caller, RawTarget() as target:
        call_id = begun(edge, caller, target)
        target.answer()
        edge.wait_event("call.transferred", call_id=call_id)
        caller.reinvite(HELD)
        target.reinvite(HELD)
        of_target, of_caller = target.final("INVITE"), caller.final("INVITE")
        assert (of_caller.status, of_target.status) == (200, 200)
        assert "a=recvonly" in of_caller.text
        assert "a=recvonly" in of_target.text
        target.ack()
        caller.bye()
        target.wait("BYE")
        target.agree("BYE")
        assert edge.wait_event("call.ended", call_id=call_id)["end"]["by"] == "caller"


def test_T4_one_side_holds_and_the_other_hears_our_hold_sound(edge: SteeredEdge) -> None:
    with (
        RawCaller(edge.address) as caller,
        RawTarget() as target,
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as media,
    ):
        media.bind(("127.0.0.1", 0))
        media.settimeout(20)
        session = OFFER.replace("audio 9 ", f"audio {media.getsockname()[1]} ")
        calls = len(edge.events(name="call.confirmed"))
        caller.invite(session)
        caller.final("INVITE")
        caller.ack()
        call_id = str(edge.wait_event("call.confirmed", count=calls + 1)["call_id"])
        edge.steer(call_id, Transfer(target.uri))
        target.answer()
        edge.wait_event("call.transferred", call_id=call_id)
        target.reinvite(INACTIVE)
        assert "a=inactive" in target.final("INVITE").text
        target.ack()
        assert heard(media, loud=True)
        target.reinvite(RESUMED)
        assert target.final("INVITE").status == 200
        target.ack()
        assert heard(media, loud=False), "the target again, which says nothing"
        target.bye()
        assert target.final("BYE").status == 200
        ended = edge.wait_event("call.ended", call_id=call_id)
        assert ended["end"]["reason"] == "target_hangup"


def heard(media: socket.socket, *, loud: bool) -> bool:
    """Whether it comes to that: the hold sound, or nothing any more for half a second."""
    media.settimeout(0.5)
    until = time.monotonic() + 20
    quiet_since = time.monotonic()
    while time.monotonic() < until:
        try:
            packet = media.recv(2048)
        except TimeoutError:
            if not loud:
                return True
            continue
        sound = g711.decode(g711.PCMU, packet[12:])
        if audio.level_dbfs(sound) > -60:
            if loud:
                return True
            quiet_since = time.monotonic()
        elif not loud and time.monotonic() - quiet_since > 0.5:
            return True
    return False
