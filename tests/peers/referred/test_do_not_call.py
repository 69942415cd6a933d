"""A REFER to a number in the list of those that are not called, where the list holds for it."""

from collections.abc import Callable
from pathlib import Path

import pytest

from sipua.campaigns.do_not_call import DoNotCallList
from support.calls.edge import Edge
from support.peers.sipp import Sipp
from support.ports import LOOPBACK, PortBlock

pytestmark = pytest.mark.peer


def test_S12_the_do_not_call_list_holds_for_a_refer(
    edge_factory: Callable[..., Edge], sipp: Sipp, tmp_path: Path
) -> None:
    outbound = tmp_path / "outbound"
    numbers = DoNotCallList(outbound / "do_not_call.sqlite3")
    numbers.add(["202"], by="me", reason="", now_s=0.0)
    block = PortBlock()
    trunk = {
        "name": "pbx",
        "hosts": [LOOPBACK],
        "proxy": f"sip:{LOOPBACK}:{block.port()}",
        "refer": "allow",
        "refer_targets": ["2??"],
    }
    edge = edge_factory(
        {
            "outbound": {"directory": str(outbound), "do_not_call_also": ["referred"]},
            "sip": {"accept": "trunks"},
            "agent": {"greeting": False},
            "trunks": [trunk],
        }
    )
    for count, user in enumerate(("202", "2%302"), 1):
        target = f"sip:{user}@{LOOPBACK}"
        peer = sipp.run("uac_refer_followed", edge.address, TARGET=target, pause_ms=100)
        told = peer.received("NOTIFY sip:")[-1].text
        assert told.rpartition("\n")[2].startswith("SIP/2.0 403")
        assert edge.wait_event("call.blocked", count=count)["rule"] == "do_not_call"
    edge.wait_event("call.ended", count=2)
    assert edge.events(name="call.failed") == edge.events(name="sip.fault") == []
    block.close()
