"""How long an INVITE waits: from two clocks, with calls that got less than all answers."""

from sipua.bench.common.clock import WallClock
from sipua.bench.load.setup_times import SetupTimes, setup
from sipua.bench.results.result import Spread

AHEAD_NS = 1_000_000_000_000
"""Of the wall clock."""


class StillClock(WallClock):
    def __init__(self) -> None:
        super().__init__()
        self._marks = [(0, AHEAD_NS), (10, AHEAD_NS)]


def answered(**at_ms: float) -> SetupTimes:
    times = SetupTimes(invited_ns=5_000_000)
    for status, ms in at_ms.items():
        times.answered(int(status.removeprefix("s")), AHEAD_NS + 5_000_000 + round(ms * 1e6))
    return times


def test_both_waits_begin_with_the_invite() -> None:
    found = setup([answered(s100=0.2, s180=1.0, s200=3.0)] * 3, StillClock())
    assert found.invite_to_180_ms == Spread(3, 1.0, 1.0, 1.0, 1.0)
    assert found.invite_to_200_ms == Spread(3, 3.0, 3.0, 3.0, 3.0)


def test_the_first_of_an_answer_counts() -> None:
    call = answered(s200=3.0)
    call.answered(200, AHEAD_NS + 500_000_000)
    assert setup([call], StillClock()).invite_to_200_ms.max == 3.0


def test_what_did_not_come_or_has_no_stamp_is_left_out() -> None:
    unstamped = SetupTimes(invited_ns=0)
    unstamped.answered(180, 0)
    found = setup([answered(s180=1.0), answered(s486=1.0), unstamped], StillClock())
    assert found.invite_to_180_ms.count == 1
    assert found.invite_to_200_ms == Spread()
    assert setup([], StillClock()).invite_to_180_ms == Spread()
