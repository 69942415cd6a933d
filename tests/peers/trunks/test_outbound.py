"""Two trunks for a number: the cheap one fails, and the other one takes the call."""

from contextlib import closing
from pathlib import Path

import pytest

from sipua.calls.steer.commands import HangUp
from support.calls.steered_edge import SteeredEdge
from support.peers.sipp import Sipp

pytestmark = pytest.mark.peer


def test_S24_the_cheapest_trunk_first_and_then_the_next(tmp_path: Path, sipp: Sipp) -> None:
    cheap = sipp.start("uas_reject", STATUS="503 Service Unavailable")
    good = sipp.start("uas_answer", calls=2, pause_ms=50)
    trunks = [
        {"name": "good", "proxy": f"sip:{good.address}", "caller_id": "+4930200"},
        {
            "name": "cheap",
            "proxy": f"sip:{cheap.address}",
            "caller_id": "+4930100",
            "number_out": {"1": "001"},
        },
    ]
    rule = {
        "name": "all",
        "trunks": [{"trunk": "good", "price": 2.0}, {"trunk": "cheap", "price": 1.0}],
    }
    config = {"agent": {"greeting": False}, "trunks": trunks, "outbound_routes": [rule]}
    with closing(SteeredEdge(tmp_path / "edge", config)) as edge:
        call_id = str(edge.place("1234")["id"])
        edge.wait_event("call.confirmed", call_id=call_id)
        first, second = edge.events(name="call.invited", call_id=call_id)
        assert "origin" not in first
        assert (second["origin"], second["server"]) == ("good", f"sip:{good.address}")
        assert edge.get(f"/v1/calls/{call_id}")["origin"] == "good"
        edge.steer(call_id, HangUp("enough"))
        ended = edge.wait_event("call.ended", call_id=call_id)
        assert ended["origin"] == "good"
        assert [one["server"] for one in ended["attempts"]] == [f"sip:{cheap.address}"]
        (at_cheap,) = cheap.wait(check=False).received("INVITE")
        assert at_cheap.first_line.startswith(f"INVITE sip:001234@{cheap.address} ")
        assert "From: <sip:+4930100@" in at_cheap.text

        # The cheap one rests: the next call does not try it.
        later = str(edge.place("1235")["id"])
        edge.wait_event("call.confirmed", call_id=later)
        edge.steer(later, HangUp("enough"))
        edge.wait_event("call.ended", call_id=later)
        assert edge.events(name="call.attempt_failed", call_id=later) == []
    invites = good.wait(check=False).received("INVITE")
    assert [one.first_line.split()[1] for one in invites] == [
        f"sip:1234@{good.address}",
        f"sip:1235@{good.address}",
    ]
    assert "From: <sip:+4930200@" in invites[0].text
