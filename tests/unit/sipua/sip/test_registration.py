"""S19: back-off, and when not to ask again."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sipua.sip.dns.lookup import PATIENCE_S
from sipua.sip.registration import (
    LONGEST_RETRY_S,
    LONGEST_UNRESOLVED_S,
    UNRESOLVED,
    RetryPolicy,
    parse_realm,
    parse_retry_after,
)


def policy() -> RetryPolicy:
    return RetryPolicy(random.Random(7))


@pytest.mark.parametrize("status", [401, 403, 404, 407])
def test_S19_a_wrong_password_is_not_retried(status: int) -> None:
    verdict = policy().failed(status, None)
    assert verdict.retry_in_s is None
    assert "check" in verdict.fix or "forbids" in verdict.fix


def test_S19_retry_after_is_never_undercut() -> None:
    for seconds in (0.0, 3.0, 120.0):
        verdict = RetryPolicy(random.Random(1)).failed(503, seconds)
        assert verdict.retry_in_s is not None
        assert seconds <= verdict.retry_in_s <= seconds * 1.1


def test_S19_backoff_grows_with_jitter_and_stays_under_its_cap() -> None:
    waits = []
    retry = policy()
    for _ in range(12):
        verdict = retry.failed(408, None)
        assert verdict.retry_in_s is not None
        waits.append(verdict.retry_in_s)
    assert waits[0] <= 1.0
    assert waits[3] > waits[0]
    assert max(waits) <= LONGEST_RETRY_S
    assert len(set(waits[6:])) > 1, "the capped waits are jittered too"


def test_S19_a_registrar_that_is_away_for_a_day_is_still_tried() -> None:
    retry = policy()
    waits = [retry.failed(408, None).retry_in_s or 0.0 for _ in range(5000)]
    assert 0 < waits[-1] <= LONGEST_RETRY_S


def test_S22_a_registrar_without_an_address_is_asked_for_within_30_s() -> None:
    """An attempt may wait 20 s for a DNS server that has just come back."""
    retry = policy()
    waits = [retry.failed(UNRESOLVED, None).retry_in_s or 0.0 for _ in range(12)]
    assert 0 < max(waits) <= LONGEST_UNRESOLVED_S
    assert sum(PATIENCE_S) + LONGEST_UNRESOLVED_S <= 30


def test_success_starts_the_backoff_anew() -> None:
    retry = policy()
    for _ in range(8):
        retry.failed(408, None)
    retry.succeeded()
    verdict = retry.failed(408, None)
    assert verdict.retry_in_s is not None
    assert verdict.retry_in_s <= 1.0


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("120", 120.0),
        ("18000;duration=3600", 18000.0),
        ("120 (I'm in a meeting)", 120.0),
        ("soon", None),
        ("-5", None),
        ("", None),
        (None, None),
        ("9" * 40, None),
    ],
)
def test_retry_after_is_read_as_rfc_3261_writes_it(
    value: str | None, expected: float | None
) -> None:
    assert parse_retry_after(value) == expected


@pytest.mark.parametrize(
    ("challenge", "expected"),
    [
        ('Digest realm="asterisk",nonce="1"', "asterisk"),
        ('digest nonce="1", realm="a \\"b\\" c", qop="auth"', 'a "b" c'),
        ("Digest realm=bare, nonce=1", "bare"),
        ('Basic realm="x"', None),
        ('Digest nonce="1"', None),
        ('Digest realm="unfinished', None),
        (None, None),
    ],
)
def test_the_realm_is_read_out_of_a_challenge(challenge: str | None, expected: str | None) -> None:
    assert parse_realm(challenge) == expected


@given(st.text())
def test_parsers_survive_anything(text: str) -> None:
    parse_realm("Digest " + text)
    parse_retry_after(text)
