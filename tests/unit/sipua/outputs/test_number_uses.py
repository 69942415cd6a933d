"""The counts of numbers outlive the process, and name no callee."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from sipua.outputs.number_uses import FILE, Day, NumberUses
from sipua.sip.parties.number_pool import Exhausted, Pool

POOL = Pool("sales", ("+49301", "+49302"), max_calls_per_day=2)
TODAY, TOMORROW = Day("2026-03-01", 1000.0), Day("2026-03-02", 2000.0)
CALLEE = "+33612345678"


@pytest.fixture
def uses(tmp_path: Path) -> Iterator[NumberUses]:
    made = NumberUses(tmp_path / "counts")
    yield made
    made.close()


def take(
    uses: NumberUses, pool: Pool = POOL, now_s: float = 1.0, day: Day = TODAY, to: str = CALLEE
) -> str | Exhausted:
    return uses.take(pool, to, {}, now_s, day)


def test_the_counts_of_a_day_are_kept_over_a_restart(tmp_path: Path) -> None:
    taken = []
    for turn in range(5):
        again = NumberUses(tmp_path)  # each time another process
        taken.append(take(again, now_s=float(turn + 1)))
        again.close()
    assert taken[:4] == ["+49301", "+49302", "+49301", "+49302"]
    assert isinstance(taken[4], Exhausted)
    again = NumberUses(tmp_path)
    assert take(again, now_s=1001.0, day=TOMORROW) == "+49301"
    again.close()


def test_what_was_not_used_is_not_counted(uses: NumberUses) -> None:
    for turn in range(4):
        take(uses, now_s=float(turn + 1))
    uses.not_used("sales", "+49302", TOMORROW.name)
    assert isinstance(take(uses), Exhausted), "it was of another day"
    uses.not_used("sales", "+49302", TODAY.name)
    assert take(uses) == "+49302"


def test_a_number_rests(uses: NumberUses) -> None:
    assert take(uses) == "+49301"
    uses.rest("sales", "+49301", 500.0)
    assert take(uses, now_s=2.0) == "+49302"
    assert take(uses, now_s=3.0) == "+49302"
    full = take(uses, now_s=4.0)
    assert isinstance(full, Exhausted)
    assert full.rule == "rest_h"
    assert take(uses, now_s=501.0) == "+49301"


def test_the_same_number_for_the_same_callee(uses: NumberUses) -> None:
    sticky = Pool("service", ("+49301", "+49302", "+49303"), "sticky")
    assert take(uses, sticky, 1.0) == "+49301"
    assert take(uses, sticky, 2.0, to="+1") == "+49302"
    assert take(uses, sticky, 3.0) == "+49301"


def test_the_file_is_private_and_names_no_callee(tmp_path: Path) -> None:
    uses = NumberUses(tmp_path)
    take(uses, Pool("service", ("+49301",), "sticky"))
    uses.close()
    file = tmp_path / FILE
    assert file.stat().st_mode & 0o077 == 0
    assert all(CALLEE.encode() not in one.read_bytes() for one in tmp_path.iterdir())
