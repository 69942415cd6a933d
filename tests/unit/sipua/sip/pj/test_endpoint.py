"""What the endpoint asks pjsua2 for, in which order, and what is left when something fails."""

from __future__ import annotations

import contextlib
import dataclasses
import socket
import time
from typing import Any

import pjsua2 as real
import pytest

from sipua.rtp.ports import family_of
from sipua.sip.messages import (
    Answer,
    CallEnded,
    CallRefused,
    EndedBy,
    Hangup,
    IncomingCall,
    Leave,
    SignallingFault,
    Transfer,
)
from sipua.sip.parties.policy import PeerPolicy
from sipua.sip.wire.transfer_messages import TransferFailed
from support.signalling.fake_pj import pj_error
from support.signalling.signalling import (
    ACCOUNT,
    REGISTRAR,
    Port,
    Signalling,
    answered,
    invite,
    response,
)

CHALLENGE = 'SIP/2.0 401 No\r\nWWW-Authenticate: Digest realm="pbx", nonce="1"\r\n\r\n'


# --- life -------------------------------------------------------------------------------------


def test_the_library_is_started_without_media_before_anybody_registers(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    signalling = Signalling(monkeypatch, ACCOUNT)
    signalling.endpoint.open()
    steps = [str(step[0]) for step in signalling.pj.steps]
    order = ["libCreate", "libInit", "setNoDev", "transportCreate", "libStart", "create"]
    assert [step for step in dict.fromkeys(steps) if step in order] == order
    assert signalling.pj.asked("setRegistration") == [(True,)]
    assert signalling.pj.asked("codecSetPriority") == [
        ("PCMU/8000/1", 255),
        ("speex/8000/1", 0),
        ("PCMA/8000/1", 254),
    ]
    udp = ((real.PJSIP_TRANSPORT_UDP, "127.0.0.1"), (real.PJSIP_TRANSPORT_UDP6, "::1"))
    assert signalling.pj.asked("transportCreate") == [(kind, host, 5060) for kind, host in udp]
    listening = [(one.transport, one.address) for one in signalling.endpoint.listeners]
    assert listening == [("udp", ("127.0.0.1", 5060)), ("udp", ("::1", 5060))]
    signalling.close()


@pytest.mark.parametrize("step", ["libCreate", "libInit", "libStart", "create"])
def test_what_fails_at_the_start_is_raised_and_the_library_goes_down(
    monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    signalling = Signalling(monkeypatch, ACCOUNT)
    signalling.pj.fail(step, pj_error("no"))
    with pytest.raises(real.Error):
        signalling.endpoint.open()
    signalling.endpoint.destroy()
    assert signalling.pj.steps[-1][0] == "libDestroy"
    signalling.close()


def test_a_taken_port_and_a_foreign_address_are_told_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    signalling = Signalling(monkeypatch)
    signalling.pj.fail("transportCreate", pj_error("in use", 120098), pj_error("not ours", 120099))
    with pytest.raises(OSError, match=r"UDP 127.0.0.1:5060 is taken"):
        signalling.endpoint.open()
    with pytest.raises(OSError, match=r"cannot listen on udp 127.0.0.1:5060: not ours"):
        signalling.endpoint.open()
    signalling.close()


def test_leave_unregisters_once_and_idle_waits_for_the_answer(signalling: Signalling) -> None:
    account = signalling.account("pbx")
    account.onRegState(answered(200, expires_s=300))
    signalling.endpoint.command(Leave())
    signalling.endpoint.command(Leave())
    assert signalling.pj.asked("setRegistration") == [(False,)]
    assert not signalling.endpoint.idle()
    account.onRegState(answered(200, expires_s=0))
    assert signalling.endpoint.idle()


def test_close_ends_every_call_also_behind_one_that_fails(signalling: Signalling) -> None:
    signalling.begin()
    signalling.begin()
    signalling.pj.fail("hangup", pj_error("no such call"))
    signalling.endpoint.close()
    assert [step[0] for step in signalling.pj.asked("hangup")] == [503, 503]
    ended = [event for event in signalling.take() if isinstance(event, CallEnded)]
    assert len(ended) == 2
    assert signalling.calls == 0


def test_destroy_takes_the_library_down_whatever_an_account_says(signalling: Signalling) -> None:
    signalling.begin()
    signalling.pj.fail("shutdown", pj_error("no"))
    signalling.endpoint.destroy()
    assert signalling.calls == 0
    assert len(signalling.pj.asked("shutdown")) == 2
    assert signalling.pj.steps[-1] == ("libDestroy", real.PJSUA_DESTROY_NO_RX_MSG)


# --- a call comes in --------------------------------------------------------------------------


def test_a_call_that_comes_in_has_a_port_and_is_told(signalling: Signalling) -> None:
    before = time.monotonic()
    signalling.invite()
    (event,) = signalling.take()
    assert isinstance(event, IncomingCall)
    assert (event.sip_call_id, event.from_uri) == ("abc@192.0.2.1", "<sip:caller@192.0.2.1>;tag=1")
    assert (event.origin, event.source) == ("anyone", ("192.0.2.1", 5060))
    assert before <= event.arrived_s <= time.monotonic()
    assert signalling.in_use == 1
    assert signalling.call(event.call_id).signalling_ip == "192.0.2.1"


def test_a_call_that_comes_in_rings_at_once(signalling: Signalling) -> None:
    signalling.invite()
    assert signalling.pj.asked("answer") == [], "not from inside its callback"
    signalling.endpoint.poll(0)
    assert signalling.pj.asked("answer") == [(180,)]
    signalling.endpoint.poll(0)
    assert signalling.pj.asked("answer") == [(180,)], "once"


def test_a_caller_that_hears_us_before_the_answer_gets_no_180(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    account = dataclasses.replace(ACCOUNT, early_media=True)
    with contextlib.closing(Signalling(monkeypatch, account)) as signalling:
        signalling.endpoint.open()
        signalling.pj.steps.clear()
        signalling.invite(source="192.0.2.9:5060", account="pbx")
        signalling.endpoint.poll(0)
        assert signalling.pj.asked("answer") == [], "its worker says when it hears us"


def test_a_call_that_ends_in_the_poll_that_brought_it_does_not_ring(signalling: Signalling) -> None:
    call = signalling.begin()
    call.tell(real.PJSIP_INV_STATE_DISCONNECTED, 487)
    signalling.endpoint.poll(0)
    assert signalling.pj.asked("answer") == []
    (event,) = signalling.take()
    assert isinstance(event, CallEnded)


def test_a_call_that_cannot_ring_ends_and_keeps_no_other_from_ringing(
    signalling: Signalling,
) -> None:
    signalling.invite(invite("one"))
    signalling.invite(invite("two"))
    signalling.take()
    signalling.pj.fail("answer", pj_error("gone"))
    signalling.endpoint.poll(0)
    assert signalling.pj.asked("answer") == [(180,), (180,)]
    assert signalling.pj.asked("hangup") == [(500, "Internal Error")]
    fault, ended = signalling.take()
    assert isinstance(fault, SignallingFault)
    assert isinstance(ended, CallEnded)
    assert signalling.calls == 1


@pytest.mark.parametrize(
    ("full", "status"), [(0, 486), (2, 486)], ids=["nobody may call", "too many calls"]
)
def test_S17_a_refusal_is_sent_between_two_polls_and_takes_no_port(
    signalling: Signalling, full: int, status: int
) -> None:
    signalling.admission.max_calls = full
    for _ in range(full):
        signalling.invite()
    signalling.take()
    signalling.invite()
    (event,) = signalling.take()
    assert isinstance(event, CallRefused)
    assert signalling.pj.asked("hangup") == [], "from inside its callback it would lose our headers"
    signalling.endpoint.poll(0)
    assert signalling.pj.asked("hangup") == [(status, "Busy Here", ("Retry-After", "5"))]
    assert signalling.take() == [], "there never was a call that could end"
    assert signalling.in_use == full


def test_H3_without_a_port_it_is_503(signalling: Signalling) -> None:
    signalling.admission.max_calls = 9
    for _ in range(4):
        signalling.invite()
    signalling.take()
    signalling.invite()
    fault, refused = signalling.take()
    assert isinstance(fault, SignallingFault)
    assert isinstance(refused, CallRefused)
    signalling.endpoint.poll(0)
    assert signalling.pj.asked("hangup") == [(503, "No Media Port", ("Retry-After", "5"))]


def broken(*_: object, **__: object) -> Any:
    raise KeyError("broken")


INCOMING_FAULTS = {
    "no source": lambda s, m: s.invite(source="no:port"),
    "admission": lambda s, m: (m.setattr(type(s.admission), "judge", broken), s.invite()),
    "ports": lambda s, m: (m.setattr(s.ports, "reserve", broken), s.invite()),
    "its event": lambda s, m: (m.setattr(PeerPolicy, "claim", broken), s.invite()),
    "the loop is gone": lambda s, m: (m.setattr(s.endpoint, "emit", first_fails(s)), s.invite()),
}


def first_fails(signalling: Signalling) -> Any:
    def emit(event: object) -> None:
        if isinstance(event, IncomingCall):
            raise RuntimeError("no loop")  # noqa: TRY004 (as a closed loop does)
        signalling.events.append(event)  # type: ignore[arg-type]  # an event

    return emit


@pytest.mark.parametrize("case", INCOMING_FAULTS)
def test_S21_whatever_fails_as_a_call_comes_in_is_a_500_and_nothing_is_kept(
    signalling: Signalling, monkeypatch: pytest.MonkeyPatch, case: str
) -> None:
    INCOMING_FAULTS[case](signalling, monkeypatch)
    signalling.endpoint.poll(0)
    assert signalling.pj.asked("hangup") == [(500, "Internal Error")]
    assert signalling.pj.asked("answer") == [], "it does not ring before that"
    assert signalling.calls == 0
    assert signalling.in_use == 0
    assert [type(event) for event in signalling.take()] == [SignallingFault]


def test_S21_without_an_object_for_the_call_pjsua2_refuses_it(signalling: Signalling) -> None:
    """It sends 500 itself when its callback has made none."""
    signalling.pj.fail("Call", pj_error("no memory"))
    signalling.invite()
    signalling.endpoint.poll(0)
    assert [type(event) for event in signalling.take()] == [SignallingFault]
    assert signalling.pj.asked("hangup") == []
    assert signalling.in_use == 0


def test_a_refusal_that_fails_keeps_the_next_one_from_nothing(signalling: Signalling) -> None:
    signalling.admission.max_calls = 0
    signalling.invite(invite("one"))
    signalling.invite(invite("two"))
    signalling.pj.fail("hangup", pj_error("gone"))
    signalling.endpoint.poll(0)
    assert len(signalling.pj.asked("hangup")) == 2


# --- commands ---------------------------------------------------------------------------------


def test_commands_in_their_order(signalling: Signalling) -> None:
    call = signalling.begin()
    for _ in range(2):
        signalling.endpoint.command(Answer(call.call_id))
    signalling.endpoint.command(Hangup(call.call_id))
    assert signalling.pj.asked("answer") == [(200,)]
    assert signalling.pj.asked("hangup") == [(0, "")]


def test_a_command_for_a_call_that_is_over_does_nothing(signalling: Signalling) -> None:
    signalling.endpoint.command(Answer("c-gone"))
    signalling.endpoint.command(Hangup("c-gone"))
    assert signalling.pj.steps == []
    assert signalling.take() == []


@pytest.mark.parametrize("error", [pj_error("no memory"), TypeError("not a text")])
def test_an_answer_that_fails_is_a_500(signalling: Signalling, error: Exception) -> None:
    call = signalling.begin()
    signalling.pj.fail("answer", error)
    signalling.endpoint.command(Answer(call.call_id))
    assert signalling.pj.asked("hangup") == [(500, "Internal Error")]
    fault, ended = signalling.take()
    assert isinstance(fault, SignallingFault)
    assert ended == CallEnded(call.call_id, EndedBy.US, 500, "reason 500")
    assert signalling.calls == 0


def test_a_redirection_to_what_is_no_uri_is_a_500(signalling: Signalling) -> None:
    call = signalling.begin()
    signalling.endpoint.command(Hangup(call.call_id, 302, contact="sip:a@b>\r\nX: y"))
    assert signalling.pj.asked("hangup") == [(500, "Internal Error")]


def test_a_redirection_names_its_contact(signalling: Signalling) -> None:
    call = signalling.begin()
    signalling.endpoint.command(Hangup(call.call_id, 302, contact="sip:200@192.0.2.9"))
    assert signalling.pj.asked("hangup") == [(302, "", ("Contact", "<sip:200@192.0.2.9>"))]


# --- calls of ours ----------------------------------------------------------------------------


def test_a_call_is_placed_with_its_headers(signalling: Signalling) -> None:
    call = signalling.place(Subject="x")
    assert signalling.pj.asked("makeCall") == [("sip:200@192.0.2.9", ("Subject", "x"))]
    assert call.signalling_ip == "192.0.2.9"


@pytest.mark.parametrize("error", [pj_error("no route"), TypeError("not a text")])
@pytest.mark.parametrize("step", ["Call", "makeCall"])
def test_a_call_that_cannot_be_placed_ends_once(
    signalling: Signalling, step: str, error: Exception
) -> None:
    signalling.pj.fail(step, error)
    assert signalling.place() is None
    (ended,) = signalling.take()
    assert isinstance(ended, CallEnded)
    assert (ended.call_id, ended.by, ended.status) == ("c-ours", EndedBy.US, 500)
    assert ended.reason in ("no route", "TypeError: not a text")
    assert signalling.calls == 0


def test_a_header_that_sip_cannot_say_ends_the_call(signalling: Signalling) -> None:
    assert signalling.place(Subject="\udc80") is None
    (ended,) = signalling.take()
    assert isinstance(ended, CallEnded)
    assert ended.status == 500


def test_an_end_that_is_told_from_within_is_not_told_twice(
    signalling: Signalling, monkeypatch: pytest.MonkeyPatch
) -> None:
    def make_call(call: Any, target: str, params: object) -> None:
        call.tell(real.PJSIP_INV_STATE_DISCONNECTED, 503)
        raise pj_error("no transport")

    monkeypatch.setattr("support.signalling.fake_pj.Call.makeCall", make_call)
    signalling.place()
    (ended,) = signalling.take()
    assert isinstance(ended, CallEnded)
    assert ended.status == 503


def test_an_unknown_account_is_404(signalling: Signalling) -> None:
    signalling.place(account="nobody")
    assert signalling.take() == [CallEnded("c-ours", EndedBy.US, 404, "no account nobody")]


def test_a_challenge_of_the_registrar_is_learnt_and_the_call_placed_again_once(
    signalling: Signalling,
) -> None:
    first = signalling.place(account="pbx")
    first.tell(real.PJSIP_INV_STATE_DISCONNECTED, 401, response(CHALLENGE))
    assert signalling.pj.asked("modify") == [("pbx",)]
    second = signalling.call("c-ours")
    assert second is not first
    assert len(signalling.pj.asked("makeCall")) == 2
    assert signalling.take() == []
    assert [(one.call_id, one.sip_call_id) for one in signalling.invited] == [
        ("c-ours", "1@edge"),
        ("c-ours", "2@edge"),
    ]
    second.tell(real.PJSIP_INV_STATE_DISCONNECTED, 401, response(CHALLENGE))
    (ended,) = signalling.take()
    assert isinstance(ended, CallEnded)
    assert (ended.by, ended.status) == (EndedBy.PEER, 401)


def test_S14_a_challenge_from_elsewhere_is_not_answered(signalling: Signalling) -> None:
    call = signalling.place(account="pbx")
    call.tell(real.PJSIP_INV_STATE_DISCONNECTED, 407, response(CHALLENGE, "198.51.100.1:5060"))
    assert signalling.pj.asked("modify") == []
    assert [type(event) for event in signalling.take()] == [CallEnded]


def test_a_challenge_that_cannot_be_learnt_ends_the_call(signalling: Signalling) -> None:
    call = signalling.place(account="pbx")
    signalling.pj.fail("modify", pj_error("no memory"))
    call.tell(real.PJSIP_INV_STATE_DISCONNECTED, 401, response(CHALLENGE))
    fault, ended = signalling.take()
    assert isinstance(fault, SignallingFault)
    assert ended == CallEnded("c-ours", EndedBy.US, 401, "reason 401")
    assert signalling.calls == 0


def test_a_transfer_that_cannot_be_asked_for_fails_and_the_call_goes_on(
    signalling: Signalling,
) -> None:
    call = signalling.begin()
    signalling.endpoint.command(Answer(call.call_id))
    signalling.endpoint.command(Transfer(call.call_id, "sip:200@192.0.2.9"))
    call.tell(real.PJSIP_INV_STATE_CONFIRMED, 200)
    signalling.pj.fail("xfer", pj_error("no"))
    signalling.endpoint.command(Transfer(call.call_id, "sip:200@192.0.2.9"))
    signalling.endpoint.command(Transfer(call.call_id, "sip:a b"))
    failed = [event for event in signalling.take() if isinstance(event, TransferFailed)]
    assert [(event.status, event.reason) for event in failed[:2]] == [
        (481, "the call is not up"),
        (500, "no"),
    ]
    assert failed[2].status == 500
    assert signalling.calls == 1
    assert signalling.pj.asked("xfer") == [("<sip:200@192.0.2.9>",)]


def test_a_call_goes_to_the_account_of_where_it_comes_from(signalling: Signalling) -> None:
    class Params:
        class rdata:  # noqa: N801 (pjsua2's name)
            srcAddress = REGISTRAR  # noqa: N815

        accountIndex = -1  # noqa: N815

    params = Params()
    signalling.endpoint._library.onSelectAccount(params)
    assert params.accountIndex == signalling.account("pbx").getId()
    params.rdata.srcAddress = "198.51.100.1:5060"  # type: ignore[misc]
    signalling.endpoint._library.onSelectAccount(params)
    assert params.accountIndex == signalling.account("local").getId()
    params.rdata.srcAddress = "no:port"  # type: ignore[misc]
    signalling.endpoint._library.onSelectAccount(params)
    assert [type(event) for event in signalling.take()] == [SignallingFault]


IPV6_OFFER = (
    "v=0\r\no=- 1 1 IN IP6 {host}\r\ns=-\r\nc=IN IP6 {host}\r\nt=0 0\r\nm=audio 4000 RTP/AVP 0\r\n"
)


def test_a_call_has_ports_of_the_family_that_its_offer_names(signalling: Signalling) -> None:
    signalling.invite(invite() + IPV6_OFFER.format(host="::1"))
    (event,) = signalling.take()
    assert isinstance(event, IncomingCall)
    assert event.source[0] == "192.0.2.1"  # signalling over IPv4
    assert event.local.family == socket.AF_INET6


@pytest.mark.parametrize(
    ("host", "families", "reason"),
    [
        ("2001:db8::9", ("127.0.0.1",), "over IPv6, and we have IPv4"),
        ("fe80::9", ("127.0.0.1", "::1"), "no route"),
    ],
)
def test_S7_an_offer_of_a_family_that_is_not_there_takes_no_port(
    signalling: Signalling,
    monkeypatch: pytest.MonkeyPatch,
    host: str,
    families: tuple[str, ...],
    reason: str,
) -> None:
    monkeypatch.setattr(signalling.ports, "_hosts", {family_of(own): own for own in families})
    signalling.invite(invite() + IPV6_OFFER.format(host=host))
    (event,) = signalling.take()
    assert isinstance(event, CallRefused)
    assert event.status == 488
    assert reason in event.cause
    assert signalling.in_use == 0


def test_a_build_without_ipv6_is_not_asked_for_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """It would abort the process."""
    signalling = Signalling(monkeypatch)
    monkeypatch.setitem(signalling.endpoint.open.__globals__, "has_ipv6", lambda: False)
    with pytest.raises(OSError, match=r"cannot listen on ::1: .* without IPv6; `make pjsua2`"):
        signalling.endpoint.open()
    assert not signalling.pj.steps
    signalling.close()


def test_a_call_to_a_closed_port_ends_at_once(
    signalling: Signalling, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Port, "closed", {("192.0.2.9", 5060)})
    call = signalling.place()
    signalling.pass_time(0.1)
    (ended,) = signalling.take_of_calls()
    assert isinstance(ended, CallEnded)
    assert (ended.by, ended.status) == (EndedBy.NETWORK, 503)
    assert "192.0.2.9:5060 is closed" in ended.reason
    assert (signalling.calls, signalling.pj.asked("hangup")) == (0, [(0, "")])
    signalling.pass_time(5)
    assert signalling.take_of_calls() == [], "once"
    assert call.call_id == ended.call_id


def test_a_call_that_rings_is_not_ended_by_its_port(
    signalling: Signalling, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A proxy may answer from elsewhere than it listens."""
    call = signalling.place()
    call.tell(real.PJSIP_INV_STATE_EARLY, 180)
    monkeypatch.setattr(Port, "closed", {("192.0.2.9", 5060)})
    signalling.take()
    signalling.pass_time(2)
    assert signalling.take_of_calls() == []
    assert signalling.calls == 1
