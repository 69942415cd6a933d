"""S24: a call that we place goes from server to server of its trunk, and is one call."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pjsua2 as real
import pytest

from sipua.sip.dns.names import Found, NotFound
from sipua.sip.messages import (
    AttemptFailed,
    CallEnded,
    EndedBy,
    Hangup,
    PlaceCall,
    SipEvent,
)
from sipua.sip.peer_news import ServerDown, ServerUp
from sipua.sip.pj.dialogs import negotiated
from sipua.sip.settings import AccountSettings
from sipua.sip.wire.srtp import sdes
from sipua.sip.wire.srtp.policy import NO_SRTP_ANSWERED, NOT_OFFERED, SrtpPolicy
from support.signalling.fake_pj import pj_error
from support.signalling.signalling import Port, Signalling, response

FIRST, SECOND = "sip:192.0.2.21", "sip:192.0.2.22:5080"


def trunk(uri: str, place: int) -> AccountSettings:
    name = "carrier" if place == 1 else f"carrier/{place}"
    return AccountSettings(name, "sip:us@192.0.2.21", proxy=uri, trunk="carrier", priority=place)


@pytest.fixture
def signalling(monkeypatch: pytest.MonkeyPatch) -> Iterator[Signalling]:
    made = Signalling(monkeypatch, trunk(FIRST, 1), trunk(SECOND, 2))
    made.endpoint.open()
    made.take()
    yield made
    made.close()


def place(signalling: Signalling, target: str = "sip:+49301234@192.0.2.21") -> None:
    local = signalling.ports.reserve(signalling.now)
    signalling.endpoint.command(PlaceCall("c-ours", target, local, "carrier"))


def says(signalling: Signalling, status: int, *headers: str) -> None:
    """The server that is asked refuses."""
    lines = (f"SIP/2.0 {status} No", *headers, "", "")
    event = response("\r\n".join(lines))
    signalling.call("c-ours").tell(real.PJSIP_INV_STATE_DISCONNECTED, status, event)


def rings(signalling: Signalling, status: int = 180) -> None:
    signalling.call("c-ours").tell(real.PJSIP_INV_STATE_EARLY, status)


def ended(events: list[SipEvent]) -> list[CallEnded]:
    return [event for event in events if isinstance(event, CallEnded)]


def test_S24_the_next_server_gets_the_call_with_its_own_host(signalling: Signalling) -> None:
    place(signalling)
    says(signalling, 503, "Retry-After: 7")
    assert signalling.calls == 0
    down = ServerDown("carrier", FIRST, "503 reason 503", 7.0)
    failed = AttemptFailed("c-ours", FIRST, 503, "reason 503", SECOND)
    assert signalling.take() == [down, failed]
    signalling.pass_time(0)
    assert signalling.pj.asked("makeCall") == [
        ("sip:+49301234@192.0.2.21",),
        ("sip:+49301234@192.0.2.22:5080",),
    ]
    signalling.take()
    assert [one.server for one in signalling.invited] == [FIRST, SECOND]


def test_S24_another_host_in_the_target_stays(signalling: Signalling) -> None:
    place(signalling, "sip:200@pbx.example.com")
    says(signalling, 500)
    signalling.pass_time(0)
    assert signalling.pj.asked("makeCall") == [("sip:200@pbx.example.com",)] * 2


def test_S24_silence_is_left_and_the_late_answer_is_ended(signalling: Signalling) -> None:
    place(signalling)
    signalling.pass_time(2.9)
    assert signalling.take() == []
    signalling.pass_time(0.2)
    assert len(signalling.pj.asked("hangup")) == 1
    told = signalling.take()
    assert AttemptFailed("c-ours", FIRST, 408, "no answer within 3 s", SECOND) in told
    signalling.pass_time(0)
    assert len(signalling.pj.asked("makeCall")) == 2
    signalling.pass_time(7.9)
    assert ended(signalling.take()) == []
    signalling.pass_time(0.2)
    (end,) = ended(signalling.take())
    assert (end.by, end.status) == (EndedBy.NETWORK, 408)
    assert end.reason == (
        "no server of trunk carrier took the call: "
        f"{FIRST}: no answer within 3 s; {SECOND}: no answer within 8 s"
    )
    assert signalling.calls == 0


def test_S24_a_server_that_has_said_100_is_waited_for(signalling: Signalling) -> None:
    place(signalling)
    rings(signalling)
    signalling.pass_time(20)
    assert ended(signalling.take()) == []
    assert len(signalling.pj.asked("makeCall")) == 1


def test_S24_a_phone_that_has_rung_is_not_called_twice(signalling: Signalling) -> None:
    place(signalling)
    rings(signalling)
    says(signalling, 503)
    (end,) = ended(signalling.take())
    assert (end.by, end.status) == (EndedBy.PEER, 503)
    assert signalling.calls == 0


def test_S24_183_is_no_ringing_phone(signalling: Signalling) -> None:
    place(signalling)
    rings(signalling, 183)
    says(signalling, 503)
    assert ended(signalling.take()) == []
    signalling.pass_time(0)
    assert len(signalling.pj.asked("makeCall")) == 2


@pytest.mark.parametrize("status", [404, 486, 488, 603])
def test_S24_the_callees_answer_is_the_end(signalling: Signalling, status: int) -> None:
    place(signalling)
    says(signalling, status)
    (end,) = ended(signalling.take())
    assert (end.by, end.status) == (EndedBy.PEER, status)


def test_S24_the_last_servers_refusal_of_the_callee_is_the_end(signalling: Signalling) -> None:
    place(signalling)
    says(signalling, 503)
    signalling.pass_time(0)
    says(signalling, 486)
    (end,) = ended(signalling.take())
    assert (end.by, end.status, end.reason) == (EndedBy.PEER, 486, "reason 486")


@pytest.mark.parametrize(
    ("policy", "profile", "why"),
    [("require", "RTP/AVP", NO_SRTP_ANSWERED), ("off", "RTP/SAVP", NOT_OFFERED)],
)
def test_S26_an_answer_of_other_security_is_the_callees_and_not_the_servers_silence(
    monkeypatch: pytest.MonkeyPatch, policy: SrtpPolicy, profile: str, why: str
) -> None:
    """Nor is the callee, who has answered, called by the next server."""
    monkeypatch.setattr(negotiated, "_suites", lambda: sdes.OURS)
    peers = [replace(trunk(uri, at), srtp=policy) for at, uri in ((1, FIRST), (2, SECOND))]
    signalling = Signalling(monkeypatch, *peers)
    signalling.endpoint.open()
    signalling.take()
    place(signalling)
    body = f"v=0\r\ns=-\r\nt=0 0\r\nm=audio 4000 {profile} 0\r\n"
    answer = response(f"SIP/2.0 200 OK\r\nContent-Type: application/sdp\r\n\r\n{body}")
    answer.type = real.PJSIP_EVENT_TSX_STATE
    signalling.call("c-ours").tell(real.PJSIP_INV_STATE_CONNECTING, 200, answer)
    assert signalling.take() == [CallEnded("c-ours", EndedBy.PEER, 488, why)]
    assert signalling.pj.asked("hangup") == [], "the ACK comes first"
    signalling.pass_time(0)
    assert len(signalling.pj.asked("makeCall")) == 1
    assert len(signalling.pj.asked("hangup")) == 1
    signalling.close()


def test_S24_a_closed_port_is_left_at_once(signalling: Signalling) -> None:
    Port.closed = {("192.0.2.21", 5060)}
    try:
        place(signalling)
        signalling.pass_time(0.02)
        assert any(isinstance(one, AttemptFailed) for one in signalling.take())
        signalling.pass_time(0)
        assert len(signalling.pj.asked("makeCall")) == 2
    finally:
        Port.closed = set()


def test_S24_a_server_that_failed_comes_last_until_it_answers(signalling: Signalling) -> None:
    place(signalling)
    says(signalling, 503, "Retry-After: 300")
    signalling.pass_time(0)
    says(signalling, 486)
    signalling.take()
    place(signalling)
    assert signalling.pj.asked("makeCall")[-1] == ("sip:+49301234@192.0.2.22:5080",)
    says(signalling, 503)
    signalling.pass_time(0)
    assert signalling.pj.asked("makeCall")[-1] == ("sip:+49301234@192.0.2.21",)
    signalling.take()
    rings(signalling)
    assert ServerUp("carrier", FIRST, None, pytest.approx(0, abs=5)) in signalling.take()


def test_S24_hung_up_between_two_attempts(signalling: Signalling) -> None:
    place(signalling)
    says(signalling, 503)
    signalling.take()
    signalling.endpoint.command(Hangup("c-ours"))
    signalling.pass_time(1)
    assert signalling.take() == [CallEnded("c-ours", EndedBy.US, 487, "Request Terminated")]
    assert len(signalling.pj.asked("makeCall")) == 1


def test_S24_our_own_hang_up_is_no_failure_of_the_server(signalling: Signalling) -> None:
    place(signalling)
    signalling.endpoint.command(Hangup("c-ours"))
    (end,) = signalling.take()
    assert isinstance(end, CallEnded)
    assert end.by is EndedBy.US


def test_a_fault_of_pjsip_ends_the_call_and_gives_the_slot_back(signalling: Signalling) -> None:
    signalling.admission.slots.take("carrier", "c-ours", "outgoing")
    signalling.pj.fail("makeCall", pj_error("no memory"))
    place(signalling)
    (end,) = signalling.take()
    assert isinstance(end, CallEnded)
    assert (end.by, end.status) == (EndedBy.US, 500)
    assert signalling.admission.slots.calls("carrier") == 0


def test_S24_a_name_without_an_address_is_a_server_that_is_not_there(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    signalling = Signalling(monkeypatch, trunk("sip:sbc.test", 1), trunk(SECOND, 2))
    signalling.endpoint.open()
    place(signalling, "sip:1@sbc.test")
    (_, later) = signalling.lookups.pop()
    later(NotFound("DNS knows no such name"))
    signalling.pass_time(0)
    assert signalling.pj.asked("makeCall") == [("sip:1@192.0.2.22:5080",)]
    signalling.close()


def test_S24_each_address_of_a_name_is_tried(monkeypatch: pytest.MonkeyPatch) -> None:
    signalling = Signalling(monkeypatch, trunk("sip:sbc.test", 1))
    signalling.endpoint.open()
    place(signalling, "sip:1@sbc.test")
    both = Found(("192.0.2.31", "192.0.2.32"))
    signalling.lookups.pop()[1](both)
    signalling.pass_time(3.1)
    told = signalling.take()
    assert not any(isinstance(one, ServerDown) for one in told), "the other one may do"
    signalling.pass_time(0)
    signalling.lookups.pop()[1](both)
    assert len(signalling.pj.asked("makeCall")) == 2
    signalling.pass_time(8.1)
    told = signalling.take()
    assert ended(told)[0].status == 408
    assert any(isinstance(one, ServerDown) for one in told)
    signalling.close()
