"""S19: an account with several registrars, over pjsua2."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

import pytest

from sipua.sip.messages import AttemptFailed, Leave, Refresh
from sipua.sip.peer_news import Registered, RegistrarSilent, RegistrationFailed, Unregistered
from support.signalling.signalling import ACCOUNT, Signalling, answered

FIRST, SECOND = "sip:192.0.2.9", "sip:192.0.2.10"
BACKUP = replace(ACCOUNT, name="pbx/2", registrar=SECOND, id_uri="sip:100@192.0.2.10", priority=2)


@pytest.fixture
def signalling(monkeypatch: pytest.MonkeyPatch) -> Iterator[Signalling]:
    made = Signalling(monkeypatch, ACCOUNT, BACKUP)
    made.endpoint.open()
    made.take()
    made.pj.steps.clear()
    yield made
    made.close()


def registers(signalling: Signalling) -> list[tuple[object, ...]]:
    asked = signalling.pj.asked("setRegistration")
    signalling.pj.steps.clear()
    return asked


def take_over(signalling: Signalling) -> None:
    """The second one gets the account."""
    signalling.account("pbx").onRegState(answered(503))
    signalling.account("pbx/2").onRegState(answered(200, expires_s=300))
    signalling.take()
    signalling.pj.steps.clear()


def test_S19_the_second_is_not_asked_while_the_first_answers(signalling: Signalling) -> None:
    assert registers(signalling) == []  # the first one's was sent by `open`
    signalling.account("pbx").onRegState(answered(200, expires_s=300))
    assert signalling.take() == [Registered("pbx", FIRST, 300)]
    signalling.pass_time(20)
    assert registers(signalling) == []


@pytest.mark.parametrize("status", [503, 500, 408])
def test_S19_the_second_is_asked_at_once_when_the_first_fails(
    signalling: Signalling, status: int
) -> None:
    signalling.account("pbx").onRegState(answered(status))
    assert registers(signalling) == [(True,)]
    signalling.account("pbx/2").onRegState(answered(200, expires_s=300))
    failed, registered = signalling.take()
    assert isinstance(failed, RegistrationFailed)
    assert (failed.account, failed.registrar, failed.meanwhile) == ("pbx", FIRST, "")
    assert registered == Registered("pbx", SECOND, 300)


def test_S19_a_silent_registrar_is_left_after_three_seconds(signalling: Signalling) -> None:
    signalling.pass_time(2.9)
    assert registers(signalling) == []
    signalling.pass_time(0.2)
    assert registers(signalling) == [(True,)]
    signalling.account("pbx/2").onRegState(answered(200, expires_s=300))
    assert signalling.take() == [Registered("pbx", SECOND, 300)]
    signalling.pass_time(2)
    assert signalling.take() == [RegistrarSilent("pbx", FIRST, 5.0, SECOND)]


def test_S19_a_registrar_that_dies_is_left_within_30_s(signalling: Signalling) -> None:
    signalling.account("pbx").onRegState(answered(200, expires_s=300))
    registers(signalling)
    signalling.pass_time(25)
    assert registers(signalling) == [(True,)]  # the refresh, which nobody answers
    signalling.pass_time(3.1)
    assert registers(signalling) == [(True,)]  # the second one


def test_S19_back_at_the_first_before_the_second_is_left(signalling: Signalling) -> None:
    take_over(signalling)
    signalling.pass_time(2)
    assert registers(signalling) == [(True,)]  # the first one is asked again and again
    signalling.account("pbx").onRegState(answered(200, expires_s=300))
    assert signalling.take() == [Registered("pbx", FIRST, 300)]
    assert registers(signalling) == [(False,)]
    signalling.account("pbx/2").onRegState(answered(200, expires_s=0))
    assert signalling.take() == [Unregistered("pbx", SECOND, FIRST)]
    signalling.pass_time(24)
    assert registers(signalling) == []  # nothing more of the second one
    signalling.account("pbx").onRegState(answered(503))
    assert registers(signalling) == [(True,)]  # and it can be asked again


def test_S19_a_late_answer_of_the_first_is_told(signalling: Signalling) -> None:
    signalling.account("pbx").onRegState(answered(200, expires_s=300))
    signalling.pass_time(25)
    signalling.pass_time(3.1)
    signalling.account("pbx/2").onRegState(answered(200, expires_s=300))
    signalling.take()
    signalling.account("pbx").onRegState(answered(200, expires_s=300))
    assert signalling.take() == [Registered("pbx", FIRST, 300)]


def test_S19_a_refusal_for_good_is_not_asked_for_twice(signalling: Signalling) -> None:
    signalling.account("pbx").onRegState(answered(403))
    signalling.pass_time(1000)
    assert registers(signalling) == []


def test_S19_a_second_one_that_fails_keeps_trying_beside_the_first(
    signalling: Signalling,
) -> None:
    signalling.account("pbx").onRegState(answered(503))
    signalling.account("pbx/2").onRegState(answered(503))
    registers(signalling)
    signalling.pass_time(2)
    assert registers(signalling) == [(True,), (True,)]


def test_an_answer_to_the_goodbye_that_comes_when_it_is_needed_again(
    signalling: Signalling,
) -> None:
    take_over(signalling)
    signalling.pass_time(2)
    signalling.account("pbx").onRegState(answered(200, expires_s=300))
    signalling.pass_time(24)
    signalling.account("pbx").onRegState(answered(503))
    registers(signalling)
    signalling.account("pbx/2").onRegState(answered(200, expires_s=0))
    signalling.pass_time(2)
    assert (True,) in registers(signalling)


def test_the_end_unregisters_where_we_are(signalling: Signalling) -> None:
    take_over(signalling)
    signalling.endpoint.command(Leave())
    assert registers(signalling) == [(False,)]
    signalling.account("pbx/2").onRegState(answered(200, expires_s=0))
    assert signalling.endpoint.idle()


def test_what_is_asked_by_hand_is_asked_of_those_in_use(signalling: Signalling) -> None:
    signalling.account("pbx").onRegState(answered(200, expires_s=300))
    registers(signalling)
    signalling.endpoint.command(Refresh("pbx"))
    assert registers(signalling) == [(True,)]


def test_S24_a_call_goes_where_we_are_registered_and_then_to_the_other(
    signalling: Signalling,
) -> None:
    take_over(signalling)
    signalling.place("pbx")
    assert signalling.pj.asked("makeCall") == [("sip:200@192.0.2.10",)]
    signalling.pass_time(3.1)
    (failed,) = (one for one in signalling.take() if isinstance(one, AttemptFailed))
    assert (failed.server, failed.next_server) == (SECOND, FIRST)
    signalling.pass_time(0)
    assert signalling.pj.asked("makeCall")[1:] == [("sip:200@192.0.2.9",)]
