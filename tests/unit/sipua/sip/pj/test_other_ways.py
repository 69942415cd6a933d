"""A call that may go out by two trunks, over pjsua2."""

from __future__ import annotations

from collections.abc import Iterator

import pjsua2 as real
import pytest

from sipua.sip.messages import AnotherWay, AttemptFailed, CallEnded, PlaceCall
from sipua.sip.settings import AccountSettings
from sipua.sip.trunks.slots import Limits
from support.signalling.signalling import Signalling, response

CHEAP, GOOD = "sip:192.0.2.21", "sip:192.0.2.31"


def server(trunk: str, uri: str, place: int = 1) -> AccountSettings:
    name = trunk if place == 1 else f"{trunk}/{place}"
    return AccountSettings(name, f"sip:us@{uri[4:]}", proxy=uri, trunk=trunk, priority=place)


@pytest.fixture
def signalling(monkeypatch: pytest.MonkeyPatch) -> Iterator[Signalling]:
    cheap = server("cheap", CHEAP), server("cheap", "sip:192.0.2.22", 2)
    made = Signalling(monkeypatch, *cheap, server("good", GOOD))
    made.endpoint.open()
    made.take()
    made.pj.steps.clear()
    yield made
    made.close()


def place(signalling: Signalling) -> None:
    local = signalling.ports.reserve(signalling.now)
    other = AnotherWay("good", "sip:+4930@192.0.2.31", {"X-Trunk": "good"})
    target, headers = "sip:004930@192.0.2.21", {"X-Trunk": "cheap"}
    signalling.admission.slots.take("cheap", "c-ours", "outgoing")
    signalling.endpoint.command(PlaceCall("c-ours", target, local, "cheap", headers, (other,)))


def says(signalling: Signalling, status: int) -> None:
    event = response(f"SIP/2.0 {status} No\r\n\r\n")
    signalling.call("c-ours").tell(real.PJSIP_INV_STATE_DISCONNECTED, status, event)
    signalling.pass_time(0)


def test_S24_the_next_trunk_gets_the_call_as_it_wants_it(signalling: Signalling) -> None:
    place(signalling)
    says(signalling, 503)
    says(signalling, 500)
    assert [step[0] for step in signalling.pj.asked("makeCall")] == [
        "sip:004930@192.0.2.21",
        "sip:004930@192.0.2.22",
        "sip:+4930@192.0.2.31",
    ]
    assert signalling.pj.asked("makeCall")[2][1:] == (("X-Trunk", "good"),)
    signalling.take()
    assert [one.account for one in signalling.invited] == ["cheap", "cheap", "good"]
    slots = signalling.admission.slots
    assert (slots.calls("cheap"), slots.calls("good")) == (0, 1)
    says(signalling, 503)
    (end,) = (one for one in signalling.take() if isinstance(one, CallEnded))
    assert end.reason.startswith("no server of any trunk took the call: ")
    assert (slots.calls("cheap"), slots.calls("good")) == (0, 0)


def test_S24_what_the_callee_says_counts_for_all_trunks(signalling: Signalling) -> None:
    place(signalling)
    says(signalling, 486)
    assert len(signalling.pj.asked("makeCall")) == 1


def test_a_trunk_without_room_is_passed_by(signalling: Signalling) -> None:
    """It is no fault of its server, which stays up."""
    slots = signalling.admission.slots
    slots.use({"good": Limits(1, 0)})
    slots.take("good", "c-other", "outgoing")
    place(signalling)
    says(signalling, 503)
    says(signalling, 503)
    told = signalling.take()
    (end,) = (one for one in told if isinstance(one, CallEnded))
    assert end.reason.endswith(f"{GOOD}: max_calls of trunk good is 1")
    assert len([one for one in told if isinstance(one, AttemptFailed)]) == 2
    assert not signalling.endpoint._servers.left_out("good", signalling.now)
    assert (slots.calls("cheap"), slots.calls("good")) == (0, 1)


def test_a_trunk_that_is_down_comes_last(signalling: Signalling) -> None:
    place(signalling)
    says(signalling, 503)
    says(signalling, 503)
    says(signalling, 486)
    signalling.take()
    signalling.pj.steps.clear()
    place(signalling)
    assert signalling.pj.asked("makeCall")[0][0] == "sip:+4930@192.0.2.31"
