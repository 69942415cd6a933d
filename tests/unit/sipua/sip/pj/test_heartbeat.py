"""H11: what counts as a signalling thread that hangs, without a clock."""

from __future__ import annotations

from sipua.sip.pj.heartbeat import CHECK_EVERY_S, SILENT_S, Heartbeat


def looks(heartbeat: Heartbeat, beats: int, *, since_s: float, for_s: float) -> list[bool]:
    count = round(for_s / CHECK_EVERY_S)
    return [heartbeat.is_silent(beats, since_s + n * CHECK_EVERY_S) for n in range(1, count + 1)]


def test_H11_a_thread_without_a_round_for_5_s_hangs() -> None:
    heartbeat = Heartbeat()
    assert not heartbeat.is_silent(7, 100.0)
    silent = looks(heartbeat, 7, since_s=100.0, for_s=SILENT_S)
    assert silent == [False] * (len(silent) - 1) + [True]


def test_one_round_begins_the_count_anew() -> None:
    heartbeat = Heartbeat()
    heartbeat.is_silent(7, 100.0)
    assert not any(looks(heartbeat, 7, since_s=100.0, for_s=SILENT_S - CHECK_EVERY_S))
    assert not heartbeat.is_silent(8, 105.0)
    assert not any(looks(heartbeat, 8, since_s=105.0, for_s=SILENT_S - CHECK_EVERY_S))


def test_time_in_which_nobody_looked_does_not_count() -> None:
    """A process that was stopped, a machine that slept: both threads stood still."""
    heartbeat = Heartbeat()
    heartbeat.is_silent(7, 100.0)
    assert not heartbeat.is_silent(7, 4000.0)
    assert not heartbeat.is_silent(7, 4000.5)
