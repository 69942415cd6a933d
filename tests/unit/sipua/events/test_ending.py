"""How a call ended: each way to end, each status of SIP, and every crossing of both sides."""

from __future__ import annotations

import typing

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sipua.calls.outcome import CallOutcome
from sipua.events import ending
from sipua.events.ending import By, End, Fault, Reason, SipEnd, Status
from sipua.sip.messages import CallEnded, EndedBy

BYS = set(typing.get_args(By))
FAULTS = {None, *typing.get_args(Fault)}
STATUSES = set(typing.get_args(Status))
OURS = [
    *(Reason.AGENT_HANGUP, Reason.OPERATOR_HANGUP, Reason.TRANSFERRED, Reason.REDIRECTED),
    *(Reason.TARGET_HANGUP, Reason.FORWARD_FAILED, Reason.MENU, Reason.MACHINE),
    *(Reason.QUEUE, Reason.CLOSED, Reason.ENGINE_BUSY),
    *(Reason.MAX_DURATION, Reason.RING_TIMEOUT, Reason.NO_ANSWER, Reason.SHUTDOWN),
    *(Reason.ENGINE_UNREACHABLE, Reason.ENGINE_LOST, Reason.MEDIA_TIMEOUT),
    *(Reason.SIGNALLING_LOST, Reason.WORKER_DIED, Reason.INTERNAL_ERROR),
]
PEER, US, NETWORK = EndedBy.PEER, EndedBy.US, EndedBy.NETWORK


def told(
    by: EndedBy, status: int, *, incoming: bool, answered: bool, decided: Reason | None = None
) -> End:
    outcome = CallEnded("c-1", by, status, "words")
    ours = ending.ours(decided, "ours") if decided else None
    return ending.told(outcome, ours, incoming=incoming, answered=answered)


TABLE = [
    # incoming, answered, by, SIP status -> status, by, reason, fault
    (True, True, PEER, 200, "completed", "caller", "hangup", None),
    (False, True, PEER, 200, "completed", "callee", "hangup", None),
    (True, False, PEER, 487, "canceled", "caller", "canceled", None),
    (True, False, PEER, 200, "canceled", "caller", "canceled", None),  # BYE in place of an ACK
    (True, False, NETWORK, 408, "failed", "edge", "no_ack", "network"),
    (True, False, NETWORK, 503, "failed", "network", "unreachable", "network"),
    (True, True, NETWORK, 408, "completed", "edge", "session_expired", "network"),
    (False, True, NETWORK, 408, "completed", "edge", "session_expired", "network"),
    (False, True, NETWORK, 503, "completed", "network", "unreachable", "network"),
    (False, False, NETWORK, 408, "failed", "network", "unreachable", "network"),
    (False, False, NETWORK, 502, "failed", "network", "unreachable", "network"),
    (True, True, US, 200, "completed", "edge", "internal_error", "edge"),
    (True, False, US, 500, "failed", "edge", "internal_error", "edge"),
    (False, False, US, 404, "failed", "edge", "internal_error", "edge"),
    (False, False, PEER, 302, "failed", "callee", "moved", "callee"),
    (False, False, PEER, 401, "rejected", "callee", "rejected", "edge"),
    (False, False, PEER, 403, "rejected", "callee", "rejected", "callee"),
    (False, False, PEER, 404, "rejected", "callee", "not_found", "callee"),
    (False, False, PEER, 407, "rejected", "callee", "rejected", "edge"),
    (False, False, PEER, 408, "no_answer", "callee", "no_answer", "callee"),
    (False, False, PEER, 410, "rejected", "callee", "not_found", "callee"),
    (False, False, PEER, 480, "no_answer", "callee", "no_answer", "callee"),
    (False, False, PEER, 484, "rejected", "callee", "not_found", "callee"),
    (False, False, PEER, 486, "busy", "callee", "busy", "callee"),
    (False, False, PEER, 487, "rejected", "callee", "rejected", "callee"),
    (False, False, PEER, 488, "rejected", "callee", "rejected", "callee"),
    (False, False, PEER, 500, "failed", "callee", "peer_error", "network"),
    (False, False, PEER, 503, "failed", "callee", "peer_error", "network"),
    (False, False, PEER, 600, "busy", "callee", "busy", "callee"),
    (False, False, PEER, 603, "rejected", "callee", "declined", "callee"),
    (False, False, PEER, 604, "rejected", "callee", "not_found", "callee"),
    (False, False, PEER, 606, "rejected", "callee", "rejected", "callee"),
    (False, False, PEER, 607, "rejected", "callee", "declined", "callee"),
]


@pytest.mark.parametrize("row", TABLE)
def test_what_signalling_tells(row: tuple[bool, bool, EndedBy, int, str, str, str, str]) -> None:
    incoming, answered, by, status, *wanted = row
    end = told(by, status, incoming=incoming, answered=answered)
    outcome = ending.status(end, answered=answered)
    assert [outcome, end.by, end.reason, end.fault] == wanted
    assert (end.detail, end.sip) == ("words", SipEnd(status, "words"))


@pytest.mark.parametrize(
    ("reason", "unanswered", "by", "fault"),
    [
        ("agent_hangup", "failed", "agent", None),
        ("operator_hangup", "canceled", "operator", None),
        ("transferred", "failed", "agent", None),
        ("redirected", "redirected", "edge", "engine"),
        ("forward_failed", "failed", "target", None),
        ("menu", "failed", "edge", None),
        ("max_duration", "failed", "edge", None),
        ("ring_timeout", "no_answer", "edge", "edge"),
        ("no_answer", "no_answer", "edge", "callee"),
        ("shutdown", "failed", "edge", "edge"),
        ("engine_unreachable", "failed", "edge", "engine"),
        ("engine_lost", "failed", "edge", "engine"),
        ("media_timeout", "failed", "edge", "network"),
        ("signalling_lost", "failed", "edge", "edge"),
        ("worker_died", "failed", "edge", "edge"),
        ("internal_error", "failed", "edge", "edge"),
    ],
)
def test_what_we_decide(reason: str, unanswered: str, by: str, fault: str | None) -> None:
    end = told(US, 200, incoming=True, answered=True, decided=Reason(reason))
    assert (end.by, end.reason, end.fault, end.detail) == (by, reason, fault, "ours")
    assert end.sip == SipEnd(200, "words")
    assert ending.status(end, answered=True) == "completed"
    assert ending.status(end, answered=False) == unanswered


def test_every_reason_can_be_reached() -> None:
    reached = {row[6] for row in TABLE} | set(OURS)
    assert reached == set(Reason)


@given(
    st.sampled_from(EndedBy),
    st.integers(),
    st.booleans(),
    st.booleans(),
    st.none() | st.sampled_from(OURS),
)
def test_every_end_has_a_reason_of_the_list(
    by: EndedBy, status: int, incoming: bool, answered: bool, decided: Reason | None
) -> None:
    end = told(by, status, incoming=incoming, answered=answered, decided=decided)
    assert end.by in BYS
    assert end.fault in FAULTS
    assert isinstance(end.reason, Reason)
    outcome = ending.status(end, answered=answered)
    assert outcome in STATUSES
    assert (outcome == "completed") is answered
    assert end.by != ("callee" if incoming else "caller")
    assert (end.sip is None) is (status == 0)


@pytest.mark.parametrize("decided", OURS)
def test_the_side_whose_message_came_first_has_ended_it(decided: Reason) -> None:
    """Our hang-up crossed their BYE, or their CANCEL our refusal."""
    end = told(PEER, 200, incoming=True, answered=True, decided=decided)
    if decided is Reason.TRANSFERRED:  # they hang up because we asked them to go elsewhere
        assert (end.by, end.reason) == ("agent", "transferred")
    else:
        assert (end.by, end.reason) == ("caller", "hangup")
    canceled = told(PEER, 487, incoming=True, answered=False, decided=Reason.ENGINE_UNREACHABLE)
    assert (canceled.by, canceled.reason) == ("caller", "canceled")


def test_an_end_that_signalling_never_told() -> None:
    stopped = ending.told(None, None, incoming=True, answered=False)
    assert (stopped.reason, stopped.detail, stopped.sip) == ("shutdown", "stopped", None)
    ours = ending.ours(Reason.MEDIA_TIMEOUT, "no RTP")
    assert ending.told(None, ours, incoming=True, answered=True) == ours


# --- the outcome of a call ----------------------------------------------------------------------


def test_the_first_decision_stays() -> None:
    outcome = CallOutcome(incoming=True)
    outcome.decide(Reason.ENGINE_LOST, "gone")
    outcome.decide(Reason.MEDIA_TIMEOUT, "no RTP, because the engine is gone")
    outcome.ended(CallEnded("c-1", US, 503, "Service Unavailable"))
    outcome.decide(Reason.INTERNAL_ERROR, "later")
    assert outcome.facts(0.0) == {
        "status": "failed",
        "end": {
            "by": "edge",
            "reason": "engine_lost",
            "fault": "engine",
            "detail": "gone",
            "sip": {"status": 503, "reason": "Service Unavailable"},
        },
        "duration_s": 0.0,
    }
    assert outcome.summary(0.0) == "not answered: gone"


def test_what_comes_behind_the_end_explains_none_of_the_other_side() -> None:
    outcome = CallOutcome(incoming=False)
    outcome.answered()
    outcome.ended(CallEnded("c-1", PEER, 200, "OK"))
    outcome.decide(Reason.WORKER_DIED, "killed")
    assert outcome.facts(2.0)["end"]["reason"] == "hangup"
    assert outcome.summary(2.0) == "answered, 2.0 s, ended by callee: 200 OK"


def test_an_end_of_ours_can_be_explained_later() -> None:
    """The worker that had hung up died before it said why."""
    outcome = CallOutcome(incoming=True)
    outcome.answered()
    outcome.ended(CallEnded("c-1", US, 200, "OK"))
    outcome.decide(Reason.WORKER_DIED, "killed")
    assert outcome.facts(2.0)["end"]["reason"] == "worker_died"


def test_a_transfer_that_has_arrived_is_the_end_whoever_hangs_up() -> None:
    for by in (US, PEER):
        outcome = CallOutcome(incoming=True)
        outcome.answered()
        outcome.ended(CallEnded("c-1", by, 200, "OK"), transferred=True)
        assert outcome.facts(2.0)["end"]["reason"] == "transferred"
