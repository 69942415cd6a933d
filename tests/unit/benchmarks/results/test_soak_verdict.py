"""When a soak is good: every call well, everything back, nothing that grows."""

from __future__ import annotations

import pytest

from sipua.bench.results import soak_verdict
from sipua.bench.results.soak import Soak
from support.soaks import soak


def test_a_soak_that_keeps_nothing_is_good() -> None:
    verdict = soak_verdict.judge(soak())
    assert verdict.edge == "good"
    assert not soak().failed
    assert "2000 of 2000 calls" in verdict.sentence


@pytest.mark.parametrize(
    ("made", "words"),
    [
        (soak("grows"), "it grows"),
        (soak(after=25), "edge has 25 at rest and had 24"),
        (soak(completed=1998, faults={"INVITE: 503": 2}), "2 × INVITE: 503"),
        (soak(completed=1998), "1998 of 2000"),
    ],
)
def test_what_is_wrong_is_said_and_fails(made: Soak, words: str) -> None:
    assert made.failed
    verdict = soak_verdict.judge(made)
    assert verdict.edge == "bad"
    assert words in verdict.sentence


def test_a_soak_too_short_to_tell_is_not_called_good() -> None:
    made = soak("unknown", rests=())
    assert soak_verdict.judge(made).checks[1].grade == "unknown"
    assert not made.failed
