"""S15: who is locked out, where, and for how long."""

from __future__ import annotations

from sipua.sip.admission.lockouts import FAILURES, FORGOTTEN_S, LOCKED_S, MOST, Lockouts

HERE, THERE = "192.0.2.1", "192.0.2.2"


def fail(lockouts: Lockouts, times: int, now: float = 0.0) -> None:
    for _ in range(times):
        lockouts.failed(HERE, "100", now)


def test_S15_a_user_is_locked_out_where_it_failed_and_nowhere_else() -> None:
    lockouts = Lockouts()
    fail(lockouts, FAILURES - 1)
    assert not lockouts.locked(HERE, "100", 0.0)
    fail(lockouts, 1)
    assert lockouts.locked(HERE, "100", LOCKED_S - 0.1)
    assert not lockouts.locked(THERE, "100", 0.0)
    assert not lockouts.locked(HERE, "101", 0.0)
    assert not lockouts.locked(HERE, "100", LOCKED_S)
    fail(lockouts, 1, LOCKED_S)  # it begins anew
    assert not lockouts.locked(HERE, "100", LOCKED_S)


def test_a_right_password_and_a_long_time_wipe_it_out() -> None:
    lockouts = Lockouts()
    fail(lockouts, FAILURES - 1)
    lockouts.succeeded(HERE, "100")
    fail(lockouts, FAILURES - 1)
    assert not lockouts.locked(HERE, "100", 0.0)
    fail(lockouts, 1, FORGOTTEN_S)
    assert not lockouts.locked(HERE, "100", FORGOTTEN_S)


def test_the_memory_is_bounded() -> None:
    lockouts = Lockouts()
    for number in range(MOST + 10):
        lockouts.failed(f"10.0.{number // 256}.{number % 256}", "100", 0.0)
    assert len(lockouts._failed) == MOST
