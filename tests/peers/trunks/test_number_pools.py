"""Numbers of a pool on the wire, with their caps, also after the edge was killed."""

from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from support.calls.steered_edge import SteeredEdge
from support.peers.sipp import SipMessage, Sipp

pytestmark = pytest.mark.peer


def number_of(invite: SipMessage) -> str:
    (line,) = (line for line in invite.text.splitlines() if line.startswith("From:"))
    return line.partition("sip:")[2].partition("@")[0]


def test_the_caps_of_a_pool_hold_over_kill_9(tmp_path: Path, sipp: Sipp) -> None:
    busy = sipp.start("uas_reject", calls=3, STATUS="486 Busy Here")
    config: dict[str, Any] = {
        "agent": {"greeting": False},
        "trunks": [{"name": "carrier", "proxy": f"sip:{busy.address}", "number_pool": "sales"}],
        "number_pools": [
            {"name": "sales", "numbers": ["+491", "+492"], "max_calls_per_day": 1},
        ],
        "number_uses": {"directory": str(tmp_path / "counts")},
    }
    with closing(SteeredEdge(tmp_path / "edge", config)) as edge:
        first = str(edge.place("100", origin="carrier")["id"])
        edge.wait_event("call.ended", call_id=first)
        edge.kill()
        edge.start()
        second = str(edge.place("100", origin="carrier")["id"])
        edge.wait_event("call.ended", call_id=second)
        refused = edge.place("100", origin="carrier")
        assert refused["status"] == "too-many-requests"
        blocked = edge.wait_event("call.blocked")
        assert (blocked["origin"], blocked["rule"]) == ("carrier", "max_calls_per_day")
        assert blocked["cause"] == (
            "no number of pool sales is free: 2 had max_calls_per_day today"
        )
    invites = busy.stop().received("INVITE")
    assert [number_of(one) for one in invites] == ["+491", "+492"]
