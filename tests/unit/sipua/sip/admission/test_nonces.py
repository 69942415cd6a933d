"""Nonces: ours, fresh, this source's, and each count once."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sipua.sip.admission.nonces import LIFETIME_S, USED, Nonces

HOST, OTHER = "192.0.2.1", "192.0.2.2"


@pytest.fixture
def nonces() -> Nonces:
    return Nonces()


def test_a_nonce_is_fresh_for_its_source_and_its_time(nonces: Nonces) -> None:
    nonce = nonces.make(HOST, 100.0)
    assert nonces.fresh(nonce, HOST, 100.0)
    assert nonces.fresh(nonce, HOST, 100.0 + LIFETIME_S - 0.01)
    assert not nonces.fresh(nonce, HOST, 100.0 + LIFETIME_S + 0.01)
    assert not nonces.fresh(nonce, HOST, 99.0)
    assert not nonces.fresh(nonce, OTHER, 100.0)
    assert not Nonces().fresh(nonce, HOST, 100.0)  # of another process


def test_two_nonces_of_one_moment_differ(nonces: Nonces) -> None:
    assert nonces.make(HOST, 1.0) != nonces.make(HOST, 1.0)


def test_S15_each_count_is_taken_once_and_only_upwards(nonces: Nonces) -> None:
    nonce = nonces.make(HOST, 0.0)
    counts = (1, 1, 2, 5, 4, 5, 6, 0)
    taken = [nonces.use(nonce, count, HOST, 0.0) for count in counts]
    assert taken == [True, False, True, True, False, False, True, False]
    assert not nonces.use(nonce, 9, OTHER, 0.0)


def test_S15_a_full_memory_makes_no_nonce_good_again(nonces: Nonces) -> None:
    first = nonces.make(HOST, 0.0)
    assert nonces.use(first, 1, HOST, 0.0)
    for number in range(USED + 5):
        now = 1 + number / 1000
        assert nonces.use(nonces.make(HOST, now), 1, HOST, now)
    assert not nonces.use(first, 2, HOST, 1.0)
    assert len(nonces._used) <= USED
    # Those that are too old for any use go first, and then all is as it was.
    later = 2 * LIFETIME_S + 10
    nonces.use(nonces.make(HOST, later), 1, HOST, later)
    assert len(nonces._used) == 1


@given(st.text(max_size=64))
def test_S15_what_is_not_ours_is_no_nonce(text: str) -> None:
    nonces = Nonces()
    assert not nonces.fresh(text, HOST, 0.0)
    assert not nonces.use(text, 1, HOST, 0.0)
    good = nonces.make(HOST, 0.0)
    assert not nonces.fresh(text + good[len(text) :], HOST, 0.0) or text == good[: len(text)]
