"""What the edge refuses, with which status, and that a refusal costs it nothing.

Calls above the cap, offers without anything for us, strangers, transfers. Ports that a call has
used rest for 30 s: in an edge with few of them the next call tells whether a refusal took one.
"""

import re
import socket
from collections.abc import Callable

import pytest

from support.calls.edge import Edge
from support.footprint import nothing_kept, settled
from support.peers.sipp import Sipp, SippResult
from support.ports import LOOPBACK
from support.signalling import offers

pytestmark = pytest.mark.peer

Edges = Callable[..., Edge]

NOTHING_FOR_US = {
    "SAVP only": offers.SAVP_ONLY,
    "port 0": offers.PORT_0,
    "no common codec": offers.NO_COMMON_CODEC,
}


def test_S7_an_offer_without_anything_for_us_gets_488_and_takes_no_port(
    edge_factory: Edges, sipp: Sipp
) -> None:
    edge = edge_factory(rtp_ports=2)
    for offer in NOTHING_FOR_US.values():
        sipp.run("uac_rejected", edge.address, OFFER=offer, STATUS="488")
    assert [event["status"] for event in edge.rejected(3)] == [488] * 3
    assert edge.events(name="call.incoming") == []
    sipp.run("uac_call", edge.address, pause_ms=100)  # the only port is still there
    sipp.run("uac_rejected", edge.address, STATUS="503")  # and now it rests
    assert edge.wait_event("call.rejected", count=4)["status"] == 503


def test_S17_above_the_cap_486_with_retry_after_and_no_port_taken(
    edge_factory: Edges, sipp: Sipp
) -> None:
    edge = edge_factory({"sip": {"max_calls": 2}}, rtp_ports=6)
    before = settled(edge.process.pid)
    up = sipp.start("uac_call", edge.address, calls=2, until_told=True)
    edge.wait_event("call.confirmed", count=2)
    burst = sipp.run("uac_rejected", edge.address, calls=30, rate=1000, STATUS="486")
    assert burst.successful == 30
    assert all("Retry-After: 5" in m.text for m in burst.received("SIP/2.0 486"))
    up.hang_up()
    up.wait()  # undisturbed
    edge.wait_event("call.ended", count=2)
    rejected = edge.events(name="call.rejected")
    assert {event["status"] for event in rejected} == {486}
    assert all(event["sip_call_id"] and event["source"] for event in rejected)
    sipp.run("uac_call", edge.address, pause_ms=100)  # the third and last port
    nothing_kept(edge.process.pid, before)
    assert edge.stop() == 0
    rejected = edge.events(name="call.rejected")
    unsaid = edge.events(name="call.rejections_not_logged")
    counted = sum(event.get("kept_back", 0) for event in rejected)
    assert len(rejected) + counted + sum(event["count"] for event in unsaid) == 30


def test_S15_strangers_get_one_uniform_403(edge_factory: Edges, sipp: Sipp) -> None:
    """For any user: no engine, no ringing, nothing that tells one user from another."""
    edge = edge_factory(
        {
            "sip": {"accept": "trunks"},
            "trunks": [{"name": "carrier", "hosts": ["192.0.2.0/24"]}],
        }
    )
    before = settled(edge.process.pid)
    answers = {
        _without_identity(sipp.run("uac_rejected", edge.address, STATUS="403", service=user))
        for user in ("agent", "sipua", "100", "admin")
    }
    assert len(answers) == 1
    assert edge.events(name="call.incoming") == []
    nothing_kept(edge.process.pid, before)


def test_a_trunk_is_known_by_its_address(edge_factory: Edges, sipp: Sipp) -> None:
    edge = edge_factory(
        {"sip": {"accept": "trunks"}, "trunks": [{"name": "carrier", "hosts": [LOOPBACK]}]}
    )
    sipp.run("uac_call", edge.address, pause_ms=100)
    assert edge.wait_event("call.incoming")["origin"] == "carrier"


def test_options_is_answered(edge_factory: Edges, sipp: Sipp) -> None:
    edge = edge_factory()
    sipp.run("uac_options", edge.address)
    sipp.run("uac_options", edge.address, transport="t1")


def test_S12_no_transfer_is_done_for_anybody(edge_factory: Edges, sipp: Sipp) -> None:
    """REFER in a dialog: 603 and the call goes on; out of a dialog: 403; no INVITE leaves."""
    edge = edge_factory()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as target:
        target.bind((LOOPBACK, 0))
        uri = f"sip:premium@{LOOPBACK}:{target.getsockname()[1]}"
        result = sipp.run("uac_refer", edge.address, TARGET=uri, STATUS="603", pause_ms=300)
        assert len(result.received("SIP/2.0 603")) == 1
        assert edge.wait_event("call.transfer_refused")["target"] == f"<{uri}>"
        outside = sipp.run(
            "uac_refer_out_of_dialog",
            edge.address,
            TARGET=uri,
            STATUS="403",
        )
        assert len(outside.received("SIP/2.0 403")) == 1
        assert edge.wait_event("refer.refused")["rule"] == "out of a call"
        target.setblocking(False)
        with pytest.raises(BlockingIOError):
            target.recv(1)
    assert len(edge.events(name="call.incoming")) == 1


def test_S12_invite_with_replaces_is_refused_and_the_call_stays(
    edge_factory: Edges, sipp: Sipp
) -> None:
    edge = edge_factory()
    call = sipp.start("uac_call", edge.address, until_told=True)
    call_id = edge.wait_event("call.confirmed")["call_id"]
    answer = next(m.text for m in call.messages() if m.first_line.startswith("SIP/2.0 200"))
    ours, theirs, dialog = (_field(answer, name) for name in ("To", "From", "Call-ID"))
    replaces = f"Replaces: {dialog};to-tag={_tag(ours)};from-tag={_tag(theirs)}"
    sipp.run("uac_rejected", edge.address, HEADERS=replaces, STATUS="603")
    refused = edge.wait_event("call.transfer_refused")
    assert (refused["call_id"], refused["target"]) == (call_id, "Replaces")
    call.hang_up()
    assert call.wait().ok
    assert len(edge.events(name="call.incoming")) == 1


def _without_identity(result: SippResult) -> str:
    """The response without what any two calls differ in, and without the user that was asked."""
    (response,) = result.received("SIP/2.0 403")
    text = re.sub(r"^(Via|Call-ID|From):.*\n", "", response.text, flags=re.MULTILINE)
    return re.sub(r"^To:.*?@(.*);tag=.*$", r"To: \1", text, flags=re.MULTILINE)


def _field(message: str, name: str) -> str:
    return message.partition(f"\n{name}: ")[2].partition("\n")[0]


def _tag(address: str) -> str:
    return address.partition(";tag=")[2]
