"""Keys: the same answer for the same request, and nothing else for a day."""

from __future__ import annotations

import pytest
from pydantic import BaseModel

from sipua.control.http.endpoint import Answer
from sipua.control.http.idempotency import KEPT_S, IdempotencyKeys
from sipua.control.http.problems import Kind, ProblemError

DONE = Answer(b"{}", 201, {"Location": "/v1/calls/c-1"})


def begun(keys: IdempotencyKeys, key: str | None, body: bytes = b"a", **more: object) -> object:
    owner, now = str(more.get("owner", "one")), float(str(more.get("now", 0.0)))
    try:
        return keys.begin(owner, key, body, now)
    except ProblemError as problem:
        return problem.kind


def test_the_life_of_a_key() -> None:
    keys = IdempotencyKeys()
    assert begun(keys, "k") is None
    assert begun(keys, "k") is Kind.KEY_IN_USE
    assert begun(keys, "k", b"b") is Kind.KEY_REUSED
    assert begun(keys, "k", owner="two") is None, "a key is its token's"
    keys.finish("one", "k", DONE)
    again = begun(keys, "k")
    assert isinstance(again, Answer)
    assert (again.status, again.body) == (201, b"{}")
    assert again.headers == {**DONE.headers, "Idempotency-Replayed": "true"}
    assert begun(keys, "k", now=KEPT_S - 1) is not None
    assert begun(keys, "k", now=KEPT_S) is None


def test_what_failed_may_be_tried_again() -> None:
    keys = IdempotencyKeys()
    assert begun(keys, "k") is None
    keys.forget("one", "k")
    assert begun(keys, "k", b"another") is None


@pytest.mark.parametrize("key", [None, "", "x" * 256, "ä", "a\tb"])
def test_a_key_is_needed(key: str | None) -> None:
    assert begun(IdempotencyKeys(), key) is Kind.KEY_MISSING


def test_a_full_store_takes_no_new_keys_and_keeps_the_old_ones() -> None:
    keys = IdempotencyKeys(most=2)
    assert [begun(keys, key) for key in "abc"] == [None, None, Kind.NO_CAPACITY]
    assert begun(keys, "c", owner="two") is None, "another token has room of its own"
    keys.finish("one", "a", DONE)
    assert isinstance(begun(keys, "a"), Answer)
    assert begun(keys, "a", owner="two") is None
    assert begun(keys, "c", now=KEPT_S + 1) is None


class _Body(BaseModel):
    id: str
    detail: str | None = None


def test_what_is_kept_for_a_day_is_the_answer_as_it_was_sent() -> None:
    """Objects of the schema take four times the room."""
    keys = IdempotencyKeys()
    keys.begin("one", "key", b"a", 0.0)
    keys.finish("one", "key", Answer(_Body(id="c-1"), 201))
    again = keys.begin("one", "key", b"a", 1.0)
    assert again is not None
    assert (again.body, again.status) == (b'{"id":"c-1"}', 201)
