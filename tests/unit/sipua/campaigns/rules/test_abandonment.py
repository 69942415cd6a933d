"""When a campaign leaves too many persons without an answer."""

from __future__ import annotations

from dataclasses import replace

import pytest

from sipua.campaigns.rules.abandonment import Live, too_many
from support.calls.campaigns import POLICY


@pytest.mark.parametrize(
    ("answered", "abandoned", "percent", "paused"),
    [
        (100, 3, 3, False),
        (100, 4, 3, True),
        (133, 4, 3, True),
        (134, 4, 3, False),
        (10, 3, 3, False),  # as of a hundred
        (10, 4, 3, True),
        (500, 0, 0, False),
        (500, 1, 0, True),
        (500, 500, 100, False),
    ],
)
def test_the_share(answered: int, abandoned: int, percent: float, paused: bool) -> None:
    policy = replace(POLICY, abandoned_percent=percent, abandoned_least=100)
    assert bool(too_many(Live(answered, abandoned, 2000.0), policy, since_s=1000.0)) is paused


def test_what_was_known_when_it_was_started_does_not_count_again() -> None:
    live = Live(100, 50, last_s=2000.0)
    assert too_many(live, POLICY, since_s=2001.0) == ""
    assert too_many(live, POLICY, since_s=1999.0)


def test_the_cause_names_the_key() -> None:
    cause = too_many(Live(10, 4, 2000.0), POLICY, since_s=0.0)
    assert cause == (
        "4 of 10 calls that persons have answered in 30 days were abandoned: 4.0 % of 100, "
        "`outbound.abandoned_percent` is 3"
    )
