"""Which number of a pool a call shows."""

from __future__ import annotations

from dataclasses import replace

from sipua.sip.parties.number_pool import Exhausted, Pool, Use, choose

A, B, C = "+49301", "+49892", "+4930222"
POOL = Pool("sales", (A, B, C))
DAY_ENDS_S = 5000.0


def chosen(pool: Pool = POOL, to: str = "+33", before: str = "", **uses: Use) -> str | Exhausted:
    by_number = {{"a": A, "b": B, "c": C}[name]: use for name, use in uses.items()}
    return choose(pool, to, by_number, 1000.0, before=before, day_ends_s=DAY_ENDS_S)


def test_by_turns() -> None:
    assert chosen() == A
    assert chosen(a=Use(last_s=3), b=Use(last_s=2), c=Use(last_s=1)) == C
    assert chosen(a=Use(last_s=3), c=Use(last_s=1)) == B


def test_the_number_that_the_callee_knows() -> None:
    sticky = replace(POOL, choice="sticky", max_calls=1)
    assert chosen(sticky, before=B) == B
    assert chosen(sticky, before=B, b=Use(up=1)) == A
    assert chosen(sticky, before="+1") == A
    assert chosen(before=B) == A, "only where it is asked for"


def test_the_number_that_looks_like_the_callees() -> None:
    local = replace(POOL, choice="local_presence", max_calls_per_day=1)
    assert chosen(local, to="+498912") == B
    assert chosen(local, to="+4930223") == C
    assert chosen(local, to="+4930223", c=Use(today=1)) == A
    assert chosen(local, to="+33", a=Use(last_s=1)) == B


def test_caps_and_the_rule_that_ends_first() -> None:
    pool = replace(POOL, numbers=(A, B), max_calls=1, max_calls_per_day=3)
    assert chosen(pool, a=Use(up=1)) == B
    assert chosen(pool, a=Use(today=3)) == B
    assert chosen(pool, a=Use(rest_until_s=2000)) == B
    full = chosen(pool, a=Use(today=3), b=Use(up=1, today=2))
    assert full == Exhausted(
        "sales",
        "max_calls",
        "no number of pool sales is free: 1 in max_calls calls, 1 had max_calls_per_day today",
        5.0,
    )
    full = chosen(pool, a=Use(today=3), b=Use(rest_until_s=1100.5))
    assert isinstance(full, Exhausted)
    assert (full.rule, full.retry_after_s) == ("rest_h", 101)
    full = chosen(pool, a=Use(today=3), b=Use(today=4))
    assert isinstance(full, Exhausted)
    assert (full.rule, full.retry_after_s) == ("max_calls_per_day", 4000)
