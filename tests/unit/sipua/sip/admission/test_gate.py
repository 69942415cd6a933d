"""What each new request is told before anything is spent on it: S7, S15, S23."""

from __future__ import annotations

import pytest

from sipua.rtp.ports import PortPool
from sipua.sip.admission.admission import Admission, Refusal
from sipua.sip.admission.gate import Gate
from sipua.sip.parties.policy import PeerPolicy

PEER, STRANGER = "192.0.2.1", "198.51.100.9"
OFFER = (
    "INVITE sip:agent@edge SIP/2.0\r\nContent-Type: application/sdp\r\n\r\n"
    "v=0\r\no=- 1 1 IN IP4 192.0.2.1\r\ns=-\r\nc=IN {c}\r\nt=0 0\r\nm=audio 4000 RTP/AVP 0\r\n"
)


@pytest.fixture
def admission() -> Admission:
    admission = Admission(max_calls=2, accept_any=False)
    admission.allow_host("carrier", PEER, services=False)
    return admission


@pytest.fixture
def gate(admission: Admission) -> Gate:
    ports = PortPool(("127.0.0.1",), 40000, 40003)
    return Gate(admission, ports, codecs=("pcmu", "pcma"))


def judged(gate: Gate, method: str, host: str, *, message: str = "", up: int = 0) -> int:
    refusal = gate.judge(method, message, host, calls_up=up, now=0.0)
    return 200 if refusal is None else refusal.status


def test_S15_whatever_a_stranger_asks_it_is_403(gate: Gate, admission: Admission) -> None:
    admission.draining = True
    methods = ("INVITE", "OPTIONS", "REGISTER", "MESSAGE", "SUBSCRIBE", "NOTIFY", "FOO")
    answers = {gate.judge(method, "", STRANGER, calls_up=9, now=0.0) for method in methods}
    assert answers == {Refusal(403, "Forbidden")}


def test_a_peer_may_ask_what_it_wants(gate: Gate) -> None:
    methods = ("INVITE", "OPTIONS", "REGISTER", "NOTIFY")
    assert {judged(gate, method, PEER) for method in methods} == {200}


def test_S23_options_and_invite_are_refused_together(gate: Gate, admission: Admission) -> None:
    assert (judged(gate, "INVITE", PEER, up=2), judged(gate, "OPTIONS", PEER, up=2)) == (486, 503)
    admission.draining = True
    assert (judged(gate, "INVITE", PEER), judged(gate, "OPTIONS", PEER)) == (503, 503)


def test_S23_options_is_refused_when_no_media_port_is_left() -> None:
    admission = Admission(max_calls=9, accept_any=True)
    ports = PortPool(("127.0.0.1",), 40000, 40001, rest_s=30)
    gate = Gate(admission, ports, codecs=("pcmu",))
    assert judged(gate, "OPTIONS", PEER) == 200
    reserved = ports.reserve(0.0)
    assert judged(gate, "OPTIONS", PEER) == 503
    ports.release(reserved, 0.0)
    assert judged(gate, "OPTIONS", PEER) == 503  # it rests
    refusal = gate.judge("OPTIONS", "", PEER, calls_up=0, now=31.0)
    assert refusal is None


def test_S7_an_offer_that_cannot_be_met_is_refused_to_peers_only(gate: Gate) -> None:
    over_ipv6 = OFFER.format(c="IP6 2001:db8::1")
    assert judged(gate, "INVITE", PEER, message=OFFER.format(c="IP4 192.0.2.1")) == 200
    assert judged(gate, "INVITE", PEER, message=over_ipv6) == 488
    assert judged(gate, "INVITE", STRANGER, message=over_ipv6) == 403
    assert gate.invite(OFFER.format(c="IP4 192.0.2.1"), PEER, 0) == "carrier"


def test_a_number_that_is_not_the_trunks_gets_404_and_the_rule_is_for_us_alone(
    gate: Gate, admission: Admission
) -> None:
    admission.policies = {"carrier": PeerPolicy(allowed_numbers=("agent1*",))}
    refusal = gate.judge("INVITE", OFFER.format(c="IP4 192.0.2.1"), PEER, calls_up=0, now=0.0)
    assert refusal is not None
    assert (refusal.status, refusal.rule, refusal.headers) == (404, "allowed_numbers", {})
    assert refusal.because == "allowed_numbers: agent: no pattern fits"
    assert judged(gate, "INVITE", STRANGER) == 403
    assert judged(gate, "OPTIONS", PEER) == 200


def test_S12_a_refer_outside_of_a_call_is_403_for_every_peer(gate: Gate) -> None:
    assert {judged(gate, "REFER", host) for host in (PEER, STRANGER)} == {403}
    told = gate.refer_refused("REFER sip:a SIP/2.0\r\nr: <sip:900@x>\r\n", 403, f"{PEER}:5060")
    assert (told.target, told.source, told.call_id) == ("<sip:900@x>", (PEER, 5060), "")


def test_a_takeover_is_for_our_contact_and_not_for_a_number(
    gate: Gate, admission: Admission
) -> None:
    admission.policies = {"carrier": PeerPolicy(allowed_numbers=("030*",))}
    invite = OFFER.format(c="IP4 192.0.2.1")
    taking_over = invite.replace("SIP/2.0\r\n", "SIP/2.0\r\nReplaces: a;to-tag=b;from-tag=c\r\n")
    assert judged(gate, "INVITE", PEER, message=invite) == 404
    assert judged(gate, "INVITE", PEER, message=taking_over) == 200
    # pjsip did not know it for a Replaces: then it is a call like others.
    refusal = gate.invite(taking_over, PEER, 0)
    assert isinstance(refusal, Refusal)
    assert refusal.status == 404
