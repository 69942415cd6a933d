"""When a soak is good: every call well, everything back, nothing that grows."""

from __future__ import annotations

import msgspec
import pytest

from sipua.bench.results import soak_verdict
from sipua.bench.results.soak import Growth, Rest, Samples, Slope, Soak


def soak(growth: Growth = "none", after: float = 24, **changes: object) -> Soak:
    made = Soak(
        calls_total=2000,
        cps=20,
        call_s=3,
        warm_up_calls=500,
        completed=2000,
        faults={},
        logged={},
        at_s=(0.0, 1.0),
        ended=(0, 2000),
        up=(0, 60),
        samples=(Samples("edge", (90, 91), (95, 96), (24, 30), (6, 6), (0, 120), (0.1, 0.9)),),
        slopes=(Slope("edge", "pss_mb", 0.2, -0.1, 0.4, growth),),
        rests=(
            Rest("edge", "descriptors", 24, after),
            Rest("edge", "pss_mb", 90, 130),  # the allocator keeps what it once needed
        ),
    )
    return msgspec.structs.replace(made, **changes)


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
