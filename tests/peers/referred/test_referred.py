"""A peer puts another party in its place: REFER and Replaces, over the wire (SIPp)."""

import socket
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pytest

from support.calls.edge import Edge
from support.media import audio
from support.media.rtp_far_end import RtpFarEnd
from support.peers.sipp import Sipp, SippResult, SippRun
from support.ports import LOOPBACK, PortBlock

pytestmark = pytest.mark.peer

Edges = Callable[..., Edge]
FarEnds = Callable[..., RtpFarEnd]

TALK = np.concatenate([audio.speech("short"), audio.silence(500)])


def trunk(edge_factory: Edges, server: str = "", **keys: Any) -> Edge:
    """An edge with one trunk, SIPp, that may name 2xx."""
    return edge_factory(
        {
            "sip": {"accept": "trunks"},
            "agent": {"greeting": False},
            "trunks": [
                {
                    "name": "pbx",
                    "hosts": [LOOPBACK],
                    "proxy": f"sip:{server or '127.0.0.1:9'}",
                    "refer": "allow",
                    "refer_targets": ["2??", "!299"],
                    "replaces": "allow",
                    **keys,
                }
            ],
        }
    )


def fragments(result: SippResult) -> list[str]:
    """What the NOTIFYs say, without what was sent twice."""
    told = [message.text.rpartition("\n")[2] for message in result.received("NOTIFY sip:")]
    return list(dict.fromkeys(told))


def header(text: str, name: str) -> str:
    return text.partition(f"\n{name}: ")[2].partition("\n")[0]


def request(run: SippRun, method: str) -> str:
    return next(m.text for m in run.messages() if not m.sent and m.first_line.startswith(method))


def one_call(edge: Edge) -> Mapping[str, Any]:
    """Its end; there has been no other call."""
    ended = edge.wait_event("call.ended")
    assert len(edge.events(name="call.incoming")) == len(edge.events(name="call.ended")) == 1
    assert edge.events(name="call.failed") == edge.events(name="sip.fault") == []
    return ended


def test_the_target_of_a_refer_talks_with_the_agent(
    edge_factory: Edges, sipp: Sipp, far_end: FarEnds
) -> None:
    media = far_end(1, TALK, repeat=True)
    target = sipp.start("uas_hang_up", media=media, pause_ms=4000)
    edge = trunk(edge_factory, target.address)
    peer = sipp.run(
        "uac_refer_followed", edge.address, TARGET=f"sip:201@{LOOPBACK}:{edge.port}", pause_ms=300
    )
    assert fragments(peer) == [
        "SIP/2.0 100 Trying",
        "SIP/2.0 180 Ringing",
        "SIP/2.0 200 OK",
    ]
    assert all(header(m.text, "Event") == "refer" for m in peer.received("NOTIFY sip:"))
    changed = edge.wait_event("call.party_changed")
    assert changed["way"] == "refer"
    # The agent hears the new party, and answers it.
    edge.wait_event("turn.caller", timeout_s=20)
    assert target.wait(check=False).ok
    invite = request(target, "INVITE")
    assert invite.startswith(f"INVITE sip:201@{target.address} SIP/2.0")
    assert header(invite, "Referred-By") == "<sip:caller@127.0.0.1>"
    assert header(invite, "Call-ID") == changed["sip_call_id"]
    (heard,) = media.finish()
    assert len(heard.pcm()) > 8000, "our audio goes to the new party"
    ended = one_call(edge)
    assert ended["call_id"] == changed["call_id"]
    assert (ended["end"]["by"], ended["end"]["reason"]) == ("caller", "hangup")


def test_S13_a_target_that_fails_leaves_the_call_as_it_was(edge_factory: Edges, sipp: Sipp) -> None:
    target = sipp.start("uas_reject", STATUS="486 Busy Here")
    edge = trunk(edge_factory, target.address)
    peer = sipp.run(
        "uac_refer_followed", edge.address, TARGET=f"sip:201@{LOOPBACK}:{edge.port}", pause_ms=300
    )
    assert fragments(peer)[-1] == "SIP/2.0 486 Busy Here"
    failed = edge.wait_event("call.refer_failed")
    assert (failed["target"], failed["status"]) == ("201", 486)
    assert edge.events(name="call.party_changed") == edge.events(name="call.held") == []
    assert one_call(edge)["end"]["by"] == "caller"


REFUSED = {
    "sip:+4990012345@127.0.0.1": "refer_targets",  # a premium number
    "sip:299@127.0.0.1": "refer_targets",
    "sip:201@198.51.100.7": "refer_targets",  # a foreign host
    "sip:201@127.0.0.1?X-Evil=1%0d%0aVia:%20x": "Refer-To",
    "sip:201@127.0.0.1?Replaces=a%3Bto-tag%3Db%3Bfrom-tag%3Dc": "replaces",
}


def test_S12_what_the_policy_does_not_allow(edge_factory: Edges, sipp: Sipp) -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as server:
        server.bind((LOOPBACK, 0))
        address = f"{LOOPBACK}:{server.getsockname()[1]}"
        edge = trunk(edge_factory, address, replaces="deny")
        for target in REFUSED:
            sipp.run("uac_refer", edge.address, TARGET=target, STATUS="403", pause_ms=50)
        edge.wait_event("call.ended", count=len(REFUSED))
        refused = edge.events(name="call.transfer_refused")
        rules = {event["target"].strip("<>"): event["rule"] for event in refused}
        assert rules == REFUSED
        assert edge.events(name="call.party_changed") == edge.events(name="sip.fault") == []
        server.setblocking(False)
        with pytest.raises(BlockingIOError):
            server.recv(1)


def test_S12_allowed_destinations_hold_for_a_refer(edge_factory: Edges, sipp: Sipp) -> None:
    block = PortBlock()
    edge = trunk(edge_factory, f"{LOOPBACK}:{block.port()}", allowed_destinations=["+49*"])
    peer = sipp.run("uac_refer_followed", edge.address, TARGET="sip:201@127.0.0.1", pause_ms=100)
    assert fragments(peer)[-1].startswith("SIP/2.0 403")
    assert edge.wait_event("call.blocked")["rule"] == "allowed_destinations"
    one_call(edge)
    block.close()


def test_an_invite_with_replaces_takes_the_call_over(
    edge_factory: Edges, sipp: Sipp, far_end: FarEnds
) -> None:
    edge = trunk(edge_factory)
    first = sipp.start("uac_call_ended_by_peer", edge.address)
    call_id = edge.wait_event("call.confirmed")["call_id"]
    answer = next(m.text for m in first.messages() if m.first_line.startswith("SIP/2.0 200"))
    tags = [header(answer, name).partition(";tag=")[2] for name in ("To", "From")]
    replaces = f"Replaces: {header(answer, 'Call-ID')};to-tag={tags[0]};from-tag={tags[1]}"
    wrong = replaces.replace("to-tag=", "to-tag=x")
    sipp.run("uac_rejected", edge.address, HEADERS=wrong, STATUS="481")
    media = far_end(1, TALK, repeat=True)
    second = sipp.run("uac_call", edge.address, HEADERS=replaces, media=media, pause_ms=3000)
    assert second.ok
    assert first.wait(check=False).ok, "it gets a BYE"
    changed = edge.wait_event("call.party_changed")
    assert (changed["call_id"], changed["way"]) == (call_id, "replaces")
    edge.wait_event("turn.caller")
    (heard,) = media.finish()
    assert len(heard.pcm()) > 8000
    assert one_call(edge)["call_id"] == call_id
