"""A key that does not last: what is asked of its source, and when it is asked again."""

from __future__ import annotations

from dataclasses import replace

import pytest

from support.engine.dialogue_call import Call, failure
from support.virtual_time import in_virtual_time


class Keys:
    def __init__(self, *, of_before: bool, fails: bool = False) -> None:
        self.of_before = of_before
        self.fails = fails
        self.renewed = 0

    async def ready(self, timeout_s: float) -> bool:
        if self.fails:
            raise failure("key")
        return self.of_before

    async def renew(self, timeout_s: float) -> None:
        assert timeout_s > 0
        self.renewed += 1


def call_with(keys: Keys) -> Call:
    call = Call("first", "second")
    choices = list(call.sessions.choices("first", "second"))
    choices[0] = replace(choices[0], key=keys)
    call.dialogue._pool.choices = choices
    return call


@in_virtual_time
async def test_M1_a_key_of_before_that_is_refused_is_fetched_anew_once() -> None:
    keys = Keys(of_before=True)
    call = call_with(keys)
    call.sessions.fail("first", failure("unauthorized"))
    assert (await call.begin()).engine == "first"
    assert keys.renewed == 1
    assert call.counters["keys_renewed"] == 1


@in_virtual_time
async def test_M1_one_that_is_new_and_refused_is_wrong() -> None:
    keys = Keys(of_before=False)
    call = call_with(keys)
    call.sessions.fail("first", failure("unauthorized"))
    assert (await call.begin()).engine == "second"
    assert keys.renewed == 0


@pytest.mark.parametrize("kind", ["forbidden", "tls"])
@in_virtual_time
async def test_M1_another_refusal_is_none_of_the_key(kind: str) -> None:
    keys = Keys(of_before=True)
    call = call_with(keys)
    call.sessions.fail("first", failure(kind))  # type: ignore[arg-type]
    assert (await call.begin()).engine == "second"
    assert keys.renewed == 0


@in_virtual_time
async def test_M1_without_a_key_the_next_engine_takes_the_call() -> None:
    call = call_with(Keys(of_before=False, fails=True))
    assert (await call.begin()).engine == "second"
    assert call.counters["connect_key"] >= 1
