"""How much faster or slower another clock runs than ours, out of when its time stamps arrive.

A packet's transit (arrival less time stamp, in seconds, of unknown origin) is its delay in the
network plus what the two clocks have grown apart. The network only ever adds, so of each few
seconds the least transit is taken; the slope of a line through them is the drift. The line's own
standard error says when it is worth reporting: a minute on a quiet network, longer on a busy one.
"""

import math

# A line through least transits that moves by this much is a clock that was set anew, not a drift.
_STEP_S = 0.1
_MIN_POINTS = 5
_MIN_SPAN_S = 10.0
# Two standard errors of what is reported.
_MAX_ERROR_PPM = 50.0


class ClockDrift:
    """A least-squares line in constant memory: sums, relative to the first point."""

    __slots__ = ("_count", "_last", "_origin", "_restarts", "_x", "_xx", "_xy", "_y", "_yy")

    def __init__(self) -> None:
        self._restarts = -1
        self._begin(0.0, 0.0)

    def _begin(self, at_s: float, transit_s: float) -> None:
        self._origin = (at_s, transit_s)
        self._last = (0.0, 0.0)
        self._count = 0
        self._x = self._y = self._xx = self._xy = self._yy = 0.0
        self._restarts += 1

    def add(self, at_s: float, transit_s: float) -> None:
        """A (least) transit, and when it came."""
        if not self._count or abs(transit_s - self._origin[1] - self._last[1]) > _STEP_S:
            self._begin(at_s, transit_s)
        x, y = at_s - self._origin[0], transit_s - self._origin[1]
        self._last = (x, y)
        self._count += 1
        self._x += x
        self._y += y
        self._xx += x * x
        self._xy += x * y
        self._yy += y * y

    @property
    def ppm(self) -> float | None:
        """Positive: the other clock is the faster one. None: not known well enough yet."""
        count = self._count
        if count < _MIN_POINTS or self._last[0] < _MIN_SPAN_S:
            return None
        sxx = self._xx - self._x * self._x / count
        sxy = self._xy - self._x * self._y / count
        syy = self._yy - self._y * self._y / count
        slope = sxy / sxx
        residual = max(0.0, syy - slope * sxy)
        error = math.sqrt(residual / (count - 2) / sxx)
        if 2 * error * 1e6 > _MAX_ERROR_PPM:
            return None
        # A faster clock stamps later times, and its packets seem to take ever less time.
        return -slope * 1e6
