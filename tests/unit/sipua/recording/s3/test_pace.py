from __future__ import annotations

from sipua.recording.s3.pace import Pace


def test_without_a_bound_nothing_waits() -> None:
    assert Pace(0).wait_s(1_000_000, 5.0) == 0


def test_so_many_bytes_leave_in_a_second_of_all_together() -> None:
    pace, now, sent = Pace(100_000), 10.0, 0
    while now < 20.0:
        now += pace.wait_s(10_000, now)
        sent += 10_000
    assert 1_000_000 <= sent <= 1_020_000


def test_what_was_not_used_is_not_saved_up() -> None:
    pace = Pace(1000)
    assert pace.wait_s(1000, 0.0) == 0
    assert pace.wait_s(1000, 100.0) == 0
    assert pace.wait_s(1000, 100.0) == 1.0
