"""Does a figure grow? A slope that a few wild samples cannot move, and how sure it is.

Samples of memory are no independent throws: what the allocator took stays for the next sample. So
the samples are first gathered into a few stretches of calls, each told by its median. The slope is
Theil and Sen's over those medians, the median of the slopes of all pairs; its limits are the order
statistics that Kendall's test gives (Sen, 1968).

What calls need at the same time has a maximum that rises ever more rarely, and the allocator keeps
it. A leak takes from every call: it is seen in the second half of them as well.
"""

from __future__ import annotations

import math
from statistics import NormalDist

import numpy as np
import numpy.typing as npt

from sipua.bench.results.soak import (
    MEMORY,
    NEGLIGIBLE_COUNT,
    NEGLIGIBLE_MB,
    Figure,
    Growth,
    Slope,
)

STRETCHES = 12
FEWEST_STRETCHES = 6
_EACH = 3  # samples of a stretch, at least
ONE = 1.96
"""Limits of one slope in which it lies with 95 %, in standard deviations."""


def of_all(slopes: int) -> float:
    """Limits that hold for so many slopes together with 95 %: of forty that are each 0, one would
    be outside of its own limits by chance."""
    return NormalDist().inv_cdf(1 - 0.025 / max(1, slopes))


def slope(
    process: str,
    figure: Figure,
    ended: npt.ArrayLike,
    values: npt.ArrayLike,
    warm_up: int,
    *,
    limits: float = ONE,
) -> Slope:
    calls, found = np.asarray(ended, np.float64), np.asarray(values, np.float64)
    after = calls >= warm_up
    x, y = stretches(calls[after] / 1000, found[after])
    if len(x) < FEWEST_STRETCHES:
        return Slope(process, figure, 0.0, 0.0, 0.0, "unknown")
    per_1000, low, high = theil_sen(x, y, limits)
    negligible = NEGLIGIBLE_MB if figure in MEMORY else NEGLIGIBLE_COUNT
    found_growth = growth(per_1000, low, high, negligible)
    if found_growth == "grows":
        half = calls >= (warm_up + calls[-1]) / 2
        late_x, late_y = stretches(calls[half] / 1000, found[half])
        if len(late_x) >= FEWEST_STRETCHES and theil_sen(late_x, late_y)[0] <= negligible:
            found_growth = "settled"
    return Slope(
        process,
        figure,
        per_1000=round(per_1000, 4),
        low=round(low, 4),
        high=round(high, 4),
        growth=found_growth,
    )


def growth(per_1000: float, low: float, high: float, negligible: float) -> Growth:
    if low <= 0 <= high:
        return "none"
    if abs(per_1000) <= negligible:
        return "negligible"
    return "grows" if per_1000 > 0 else "shrinks"


def stretches(
    x: npt.NDArray[np.float64], y: npt.NDArray[np.float64]
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """The medians of equal stretches, as many as the samples allow."""
    count = min(STRETCHES, len(x) // _EACH)
    if not count:
        return np.empty(0), np.empty(0)
    return (
        np.array([np.median(part) for part in np.array_split(x, count)]),
        np.array([np.median(part) for part in np.array_split(y, count)]),
    )


def theil_sen(
    x: npt.NDArray[np.float64], y: npt.NDArray[np.float64], limits: float = ONE
) -> tuple[float, float, float]:
    """The slope, and the limits in which it lies."""
    first, second = np.triu_indices(len(x), 1)
    apart = x[second] != x[first]
    first, second = first[apart], second[apart]
    slopes = np.sort((y[second] - y[first]) / (x[second] - x[first]))
    if not len(slopes):
        return 0.0, 0.0, 0.0
    count = len(x)
    spread = limits * math.sqrt(count * (count - 1) * (2 * count + 5) / 18)
    low = max(0, math.floor((len(slopes) - spread) / 2))
    high = min(len(slopes) - 1, math.ceil((len(slopes) + spread) / 2))
    return float(np.median(slopes)), float(slopes[low]), float(slopes[high])
