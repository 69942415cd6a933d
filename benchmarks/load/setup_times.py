"""How long an INVITE waits for its answers, as the caller's kernel got them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from sipua.bench.common.clock import WallClock
from sipua.bench.results.result import Setup, Spread

RINGING, OK = 180, 200


@dataclass(slots=True)
class SetupTimes:
    """Of one call. The INVITE is the first one: a repetition is a part of the wait."""

    invited_ns: int
    """The monotonic clock, right before the send call."""
    answered_wall_ns: dict[int, int] = field(default_factory=dict)
    """When each status came first; the kernel's stamp, 0 when it gave none."""

    def answered(self, status: int, wall_ns: int) -> None:
        self.answered_wall_ns.setdefault(status, wall_ns)


def setup(calls: Iterable[SetupTimes], wall: WallClock) -> Setup:
    calls = list(calls)
    return Setup(
        invite_to_180_ms=Spread.of(_waits_ms(calls, RINGING, wall)),
        invite_to_200_ms=Spread.of(_waits_ms(calls, OK, wall)),
    )


def _waits_ms(calls: Iterable[SetupTimes], status: int, wall: WallClock) -> npt.NDArray[np.float64]:
    times = [
        (call.invited_ns, wall_ns)
        for call in calls
        if (wall_ns := call.answered_wall_ns.get(status))
    ]
    invited, came = np.array(times, np.int64).reshape(-1, 2).T
    return (wall.to_monotonic(came) - invited) / 1e6
