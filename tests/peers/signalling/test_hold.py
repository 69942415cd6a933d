"""Hold and resume, asked for in each of the ways that PBXs ask.

While held the caller gets no RTP at all (what it hears is its own music on hold), and after the
resume the same stream goes on: same SSRC, sequence numbers without a hole, timestamps that have
moved with the time that passed. The log tells both moments.
"""

from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

from support.calls.edge import Edge, Event
from support.footprint import Footprint, nothing_kept, settled
from support.media import audio
from support.media.rtp_far_end import RtpFarEnd
from support.media.rtp_stream import RtpStream
from support.peers.sipp import Sipp, SippResult
from support.signalling import offers

pytestmark = pytest.mark.peer

PAUSE_MS = 1200  # talk, hold, talk: each so long

HOLDS: dict[str, dict[str, Any]] = {
    "re-INVITE, sendonly": {"HOLD": offers.HOLD_SENDONLY, "ANSWER": "recvonly"},
    "re-INVITE, inactive": {"HOLD": offers.HOLD_INACTIVE, "ANSWER": "inactive"},
    # The way of RFC 2543: the answer's direction means nothing, its address is 0.0.0.0 as well.
    "re-INVITE, 0.0.0.0": {"HOLD": offers.HOLD_ADDRESS_0, "ANSWER": "(sendrecv|inactive)"},
    "UPDATE, sendonly": {"HOLD": offers.HOLD_SENDONLY, "ANSWER": "recvonly"},
    "UPDATE, inactive": {"HOLD": offers.HOLD_INACTIVE, "ANSWER": "inactive"},
}


@dataclass(frozen=True, slots=True)
class HeldCall:
    sip: SippResult
    heard: RtpStream
    told: list[Event]


@dataclass(frozen=True, slots=True)
class _Calls:
    edge: Edge
    before: Footprint
    held: dict[str, HeldCall]


@pytest.fixture(scope="module")
def calls(tmp_path_factory: pytest.TempPathFactory) -> Iterator[_Calls]:
    """All of them at once, on one edge."""
    home = tmp_path_factory.mktemp("hold")
    with ExitStack() as stack:
        edge = Edge(home / "edge", {"record": {"numbers": "full"}})
        stack.callback(edge.close)
        sipp = Sipp(home / "sipp")
        stack.callback(sipp.close)
        sipp.run("uac_call", edge.address, pause_ms=100)
        before = settled(edge.process.pid)
        ends = {
            name: stack.enter_context(RtpFarEnd(home, 1, audio.silence(20), repeat=True))
            for name in HOLDS
        }
        runs = {
            name: sipp.start(
                "uac_hold_by_update" if name.startswith("UPDATE") else "uac_hold",
                edge.address,
                media=ends[name],
                pause_ms=PAUSE_MS,
                FROM=f"caller{number}",
                **values,
            )
            for number, (name, values) in enumerate(HOLDS.items())
        }
        results = {name: run.wait(check=False) for name, run in runs.items()}
        edge.wait_event("call.ended", count=1 + len(HOLDS))
        ids = {event["from"]: event["call_id"] for event in edge.events(name="call.incoming")}
        held = {}
        for number, name in enumerate(HOLDS):
            (call_id,) = (ids[uri] for uri in ids if f"caller{number}@" in uri)
            told = edge.events(call_id=call_id)
            held[name] = HeldCall(results[name], ends[name].finish()[0], told)
        yield _Calls(edge, before, held)


@pytest.fixture(params=HOLDS)
def call(request: pytest.FixtureRequest, calls: _Calls) -> HeldCall:
    return calls.held[request.param]


def test_the_peer_gets_the_answers_it_asked_for(call: HeldCall) -> None:
    """recvonly to sendonly, inactive to inactive, and sendrecv again after the resume."""
    assert call.sip.ok, str(call.sip)


def test_the_log_tells_hold_and_resume(call: HeldCall) -> None:
    names = [event["event"] for event in call.told]
    assert [name for name in names if name in ("call.held", "call.resumed")] == [
        "call.held",
        "call.resumed",
    ]


def test_while_held_nothing_is_sent_and_then_the_stream_goes_on(call: HeldCall) -> None:
    heard = call.heard
    pauses = np.flatnonzero(heard.spacing_ms > PAUSE_MS / 2)
    assert len(pauses) == 1, f"pauses at {heard.arrival_ms[pauses]}"
    assert heard.spacing_ms[pauses[0]] > PAUSE_MS * 2 / 3
    # All that was sent: two stretches of talk, not three.
    assert heard.packets < 2.5 * PAUSE_MS / 20
    assert (heard.lost, heard.duplicates, heard.reordered) == (0, 0, 0)
    assert len(set(heard.ssrc)) == 1


def test_the_timestamps_have_moved_by_the_time_on_hold(call: HeldCall) -> None:
    heard = call.heard
    (pause,) = np.flatnonzero(heard.spacing_ms > PAUSE_MS / 2)
    moved_ms = (heard.timestamp[pause + 1] - heard.timestamp[pause]) / 8
    assert moved_ms == pytest.approx(heard.spacing_ms[pause], abs=300)  # late is late twice
    assert heard.marker[pause + 1]  # RFC 3551, 4.1: the first packet after a pause


@pytest.mark.parametrize("offer", [offers.HOLD_ADDRESS_0, offers.HOLD_INACTIVE])
def test_S7_a_call_may_begin_on_hold(
    edge_factory: Callable[..., Edge], sipp: Sipp, far_end: Callable[..., RtpFarEnd], offer: str
) -> None:
    """`c=0.0.0.0` or `inactive` in the first offer: silence until the resume, then the greeting."""
    edge = edge_factory()
    media = far_end(1, audio.silence(20), repeat=True)
    result = sipp.start(
        "uac_hold",
        edge.address,
        media=media,
        pause_ms=500,
        OFFER=offer,
        HOLD=offer,
        ANSWER="(sendrecv|inactive)",
    )
    assert edge.wait_event("call.held")["direction"] == "inactive"
    held = edge.wait_event("call.held")["ts"]
    assert result.wait().ok
    assert held < edge.wait_event("call.resumed")["ts"]
    (heard,) = media.finish()
    assert 0 < heard.packets < 2 * 500 / 20  # of the third pause only
    ended = edge.wait_event("call.ended")
    assert (ended["end"]["by"], edge.events(name="sip.library")) == ("caller", [])


def test_a_held_call_keeps_its_place_and_gives_it_back(calls: _Calls) -> None:
    ended = calls.edge.events(name="call.ended")
    assert {event["end"]["by"] for event in ended} == {"caller"}
    nothing_kept(calls.edge.process.pid, calls.before)
