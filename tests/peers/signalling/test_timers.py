"""Session timers (RFC 4028), and what only a timer ends: lost ACKs and vanished peers.

The patient calls take a minute, all at once; in several processes they begin first, beside others
(tests/conftest.py).
"""

from collections.abc import Callable
from datetime import datetime

import pytest

from support.calls.edge import Edge
from support.calls.patient_calls import PatientCalls
from support.footprint import nothing_kept
from support.peers.sipp import Sipp

pytestmark = pytest.mark.peer


@pytest.mark.parametrize("scenario", ["uac_session_refresh", "uac_session_refresh_by_update"])
def test_session_refreshes_are_answered(
    edge_factory: Callable[..., Edge], sipp: Sipp, scenario: str
) -> None:
    """By re-INVITE and by UPDATE: 200 with the Session-Expires that was asked for."""
    edge = edge_factory()
    result = sipp.run(scenario, edge.address, pause_ms=200)
    answers = [m.text for m in result.received("SIP/2.0 200") if "CSeq: 3 BYE" not in m.text]
    assert len(answers) == 2
    assert all("\nSession-Expires: 90;refresher=uac\n" in text for text in answers)
    assert "\nRequire: timer\n" in answers[0]
    assert edge.wait_event("call.ended")["end"]["by"] == "caller"
    assert edge.events(name="call.held") == []  # a refresh changes nothing


def test_a_session_too_short_gets_422_with_the_least(
    edge_factory: Callable[..., Edge], sipp: Sipp
) -> None:
    edge = edge_factory({"sip": {"min_session_expires_s": 120}})
    headers = "Supported: timer\nSession-Expires: 100"
    result = sipp.run("uac_rejected", edge.address, HEADERS=headers, STATUS="422")
    assert "\nMin-SE: 120\n" in result.received("SIP/2.0 422")[0].text


@pytest.mark.slow
@pytest.mark.timeout(150)
def test_S10_a_lost_ack_ends_in_a_bye_after_32_s(patient_calls: PatientCalls) -> None:
    result, end = patient_calls.wait("lost ACK")
    answers = [m for m in result.messages if m.first_line.startswith("SIP/2.0 200")]
    assert len(answers) >= 10  # RFC 3261, 13.3.1.4: at 0.5, 1, 2, 4, 4, 4 … s
    waited_s = (result.received("BYE")[0].at_s - answers[0].at_s) % 86400
    assert 30 < waited_s < 40
    assert (end["end"]["reason"], end["end"]["sip"]["status"]) == ("no_ack", 408)
    assert (end["status"], end["end"]["fault"]) == ("failed", "network")


@pytest.mark.slow
@pytest.mark.timeout(150)
def test_S10_a_caller_that_is_gone_behind_our_200_has_its_slot_for_32_s(
    patient_calls: PatientCalls,
) -> None:
    """RFC 3261, 13.3.1.4. Our BYE gets no answer either, and that is pjsip's business alone."""
    answered, ended = patient_calls.wait_gone()
    began, over = (datetime.fromisoformat(event["ts"]) for event in (answered, ended))
    assert 30 < (over - began).total_seconds() < 36
    assert (ended["end"]["reason"], ended["end"]["sip"]["status"]) == ("no_ack", 408)


@pytest.mark.slow
@pytest.mark.timeout(150)
def test_S9_reinvites_that_meet_end_in_491_and_the_call_goes_on(
    patient_calls: PatientCalls,
) -> None:
    """Ours refreshes the session after 45 s; theirs comes before its answer (RFC 3261, 14.2)."""
    result, end = patient_calls.wait("glare")
    assert len(result.received("SIP/2.0 491")) == 1
    assert end["end"]["by"] == "caller"


@pytest.mark.slow
@pytest.mark.timeout(150)
def test_S20_a_peer_that_does_not_refresh_is_hung_up(patient_calls: PatientCalls) -> None:
    """RFC 4028, 10: a third of the interval, at most 32 s, before the session's end."""
    result, end = patient_calls.wait("vanished")
    answer = result.received("SIP/2.0 200")[0]
    assert 55 < (result.received("BYE")[0].at_s - answer.at_s) % 86400 < 120
    assert (end["end"]["by"], end["end"]["reason"]) == ("edge", "session_expired")
    assert (end["status"], end["end"]["fault"]) == ("completed", "network")


@pytest.mark.slow
@pytest.mark.timeout(150)
def test_nothing_is_kept_of_the_patient_calls(patient_calls: PatientCalls) -> None:
    patient_calls.wait_all()
    nothing_kept(patient_calls.edge.process.pid, patient_calls.before)
