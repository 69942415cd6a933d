"""What came of an attempt, and what follows."""

from __future__ import annotations

from typing import Any

import pytest

from sipua.bridge.answering.detector import RULE
from sipua.campaigns.rules.outcomes import (
    OUTCOMES,
    RETRY_S,
    VERDICT_MS,
    Breaker,
    abandoned,
    again_after_s,
    outcome_of,
)


@pytest.mark.parametrize(
    ("ended", "outcome"),
    [
        ({"status": "busy"}, "busy"),
        ({"status": "no_answer"}, "no_answer"),
        ({"status": "rejected"}, "rejected"),
        ({"status": "redirected"}, "rejected"),
        ({"status": "canceled"}, "canceled"),
        ({"status": "failed"}, "failed"),
        ({}, "failed"),
        ({"status": ["?"]}, "failed"),
        ({"status": "completed"}, "answered"),
        ({"status": "completed", "answered_by": {"verdict": "unknown"}}, "answered"),
        ({"status": "completed", "answered_by": {"verdict": "person"}}, "person"),
        ({"status": "completed", "answered_by": {"verdict": "voicemail"}}, "machine"),
        (
            {"status": "completed", "answered_by": {"verdict": "menu", "message": "began"}},
            "machine",
        ),
        (
            {"status": "completed", "answered_by": {"verdict": "machine", "message": "left"}},
            "message",
        ),
        ({"status": "completed", "answered_by": {"verdict": "fax"}}, "fax"),
        ({"status": "completed", "answered_by": {"verdict": "silence"}}, "silence"),
    ],
)
def test_every_end_is_an_outcome(ended: dict[str, Any], outcome: str) -> None:
    assert outcome_of(ended) == outcome
    assert outcome in OUTCOMES


def person(ms: int, first: float | None, duration: float = 20.0) -> dict[str, Any]:
    return {
        "status": "completed",
        "answered_by": {"verdict": "person", "ms": ms},
        "first_audio_ms": first,
        "duration_s": duration,
    }


@pytest.mark.parametrize(
    ("ended", "left"),
    [
        (person(1800, 1850), False),
        (person(1800, 3100), True),  # more than 2 s behind 1050 ms
        (person(1800, None), True),
        (person(1800, None, duration=2.9), False),  # the person has hung up before
        ({"status": "completed", "first_audio_ms": 400, "duration_s": 9}, False),
        ({"status": "completed", "first_audio_ms": None, "duration_s": 9}, True),
        ({"status": "completed", "answered_by": {"verdict": "machine"}, "duration_s": 9}, False),
        ({"status": "no_answer"}, False),
    ],
)
def test_who_heard_nothing_in_time_was_abandoned(ended: dict[str, Any], left: bool) -> None:
    assert abandoned(ended) is left


def test_retries_by_outcome() -> None:
    assert [again_after_s("busy", n, RETRY_S, 9) for n in (1, 2, 3, 4)] == [300, 900, 3600, 3600]
    assert again_after_s("no_answer", 2, RETRY_S, 2) is None
    assert again_after_s("person", 1, RETRY_S, 9) is None
    assert again_after_s("unknown", 1, RETRY_S, 9) is None
    assert again_after_s("machine", 1, {"machine": (60,)}, 3) == 60


def test_the_breaker_looks_at_the_last_attempts() -> None:
    breaker = Breaker(10, 0.5)
    for _ in range(4):
        breaker.ended("failed")
    assert not breaker.broken()  # too few to tell
    breaker.ended("failed")
    assert breaker.broken() == "5 of the last 5 attempts have failed"
    for _ in range(6):
        breaker.ended("busy")  # the number is busy: nothing is broken
    assert not breaker.broken()
    for _ in range(3):
        breaker.ended("failed")
    breaker.reset()
    assert not breaker.broken()


def test_no_breaker() -> None:
    breaker = Breaker(0, 0.5)
    for _ in range(50):
        breaker.ended("failed")
    assert not breaker.broken()


def test_the_end_of_a_greeting_is_reckoned_as_the_detector_waits() -> None:
    assert RULE.silence_ms == VERDICT_MS
