"""S11: requests within a call, over a fake pjsua2: which sources may send them."""

from __future__ import annotations

from typing import Any

import pjsua2 as real
import pytest

from sipua.sip.admission.admission import Refusal
from sipua.sip.messages import CallRefused, RequestRefused, SignallingFault
from sipua.sip.parties.policy import PeerPolicy
from sipua.sip.pj.dialogs import arrivals
from sipua.sip.wire.digest import users_of
from support.signalling.signalling import CALLER, Signalling, response

ELSEWHERE = "198.51.100.9:5060"
OTHER_PORT = f"{CALLER.rpartition(':')[0]}:61000"


def refused(call: Any, source: str, *hosts: str, method: str = "BYE") -> bool:
    params = real.OnCallRxRequestParam()
    params.method, params.rdata.srcAddress = method, source
    for host in hosts:
        params.hosts.append(host)
    call.onCallRxRequest(params)
    return bool(params.refused)


def test_S11_another_source_is_refused_and_told_once(signalling: Signalling) -> None:
    call = signalling.begin()
    assert not refused(call, CALLER)
    assert not refused(call, OTHER_PORT)  # behind a NAT
    assert signalling.take() == []
    assert refused(call, ELSEWHERE)
    assert refused(call, ELSEWHERE, method="INFO")
    assert signalling.take() == [
        RequestRefused(call.call_id, "BYE", ("198.51.100.9", 5060)),
    ]
    assert signalling.calls == 1
    assert not refused(call, ELSEWHERE, "sbc.example.com", "198.51.100.9")


def test_a_trunk_that_moves_is_let(signalling: Signalling) -> None:
    call = signalling.begin()
    signalling.admission.policies = {"anyone": PeerPolicy(dialog_source="any")}
    assert not refused(call, ELSEWHERE)
    assert signalling.take() == []


def test_a_fault_of_ours_refuses_the_request_and_keeps_the_call(signalling: Signalling) -> None:
    call = signalling.begin()
    assert refused(call, "[::1")
    (fault,) = signalling.take()
    assert isinstance(fault, SignallingFault)
    assert (fault.where, fault.call_id) == ("onCallRxRequest", None)
    assert signalling.calls == 1


def test_S11_a_call_of_ours_is_that_of_its_servers(signalling: Signalling) -> None:
    call = signalling.place()
    event = response("SIP/2.0 200 OK\r\n\r\n", "203.0.113.5:5060")
    event.type = real.PJSIP_EVENT_TSX_STATE
    call.tell(real.PJSIP_INV_STATE_CONFIRMED, 200, event)
    assert not refused(call, "203.0.113.5:7000")  # it has answered from there
    assert refused(call, ELSEWHERE)
    assert call.signalling_ip == "203.0.113.5"


def judged(signalling: Signalling, method: str, *, within: bool) -> Refusal | None:
    received = real.SipRxData()
    received.srcAddress = ELSEWHERE
    message = f"{method} sip:x SIP/2.0\r\n\r\n"
    return signalling.endpoint._arrivals.judge(method, message, received, within=within)


@pytest.mark.parametrize("method", ["INVITE", "BYE", "REFER", "CANCEL"])
def test_S11_of_no_dialog_it_is_481_and_no_call_was_refused(
    signalling: Signalling, method: str
) -> None:
    refusal = judged(signalling, method, within=True)
    assert refusal is not None
    assert refusal.status == 481
    assert signalling.take() == []


def test_S15_a_challenge_is_not_told_and_a_wrong_proof_is(signalling: Signalling) -> None:
    users = users_of("sipua", ["MD5"], {"100": "right"})
    signalling.admission.policies = {"anyone": PeerPolicy(users=users)}
    refusal = judged(signalling, "INVITE", within=False)
    assert refusal is not None
    assert refusal.status == 401
    assert signalling.take() == []
    received = real.SipRxData()
    received.srcAddress = ELSEWHERE
    tried = "INVITE sip:x SIP/2.0\r\nAuthorization: Digest rubbish\r\n\r\n"
    signalling.endpoint._arrivals.judge("INVITE", tried, received)
    (told,) = signalling.take()
    assert isinstance(told, CallRefused)
    assert (told.status, told.rule) == (401, "users")


def test_S15_a_build_that_does_not_ask_lets_none_of_that_trunk_in(signalling: Signalling) -> None:
    """The index's wheel: without a password there is no call, and the cause is in the log."""
    users = users_of("sipua", ["MD5"], {"100": "right"})
    signalling.admission.policies = {"anyone": PeerPolicy(users=users)}
    signalling.endpoint._arrivals._asked = False
    signalling.invite()
    (told,) = signalling.take()
    assert isinstance(told, CallRefused)
    assert (told.status, told.rule, told.cause) == (403, "users", arrivals.NO_DIGEST.because)
