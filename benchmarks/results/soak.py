"""What a soak found, as data: samples, slopes, what did not come back.

Growth is told per 1,000 calls that have ended, after a warm-up.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import msgspec

# Slopes that do not count, per 1,000 calls: 200 bytes a call, as much as one small object, and what
# the heap of a process that keeps nothing wanders by in 10,000 calls; and less than one descriptor,
# thread, port or task in 2,000 calls.
NEGLIGIBLE_MB = 0.2
NEGLIGIBLE_COUNT = 0.5

Growth = Literal["none", "negligible", "settled", "grows", "shrinks", "unknown"]
Figure = Literal["pss_mb", "rss_mb", "descriptors", "threads", "ports", "tasks"]
FIGURES: dict[Figure, str] = {
    "pss_mb": "memory (PSS)",
    "rss_mb": "memory (RSS)",
    "descriptors": "descriptors",
    "threads": "threads",
    "ports": "RTP ports",
    "tasks": "asyncio tasks",
}


class Slope(msgspec.Struct, frozen=True):
    """How a figure of a process changes per 1,000 calls, with 95 % confidence limits."""

    process: str
    figure: Figure
    per_1000: float
    low: float
    high: float
    growth: Growth


class Rest(msgspec.Struct, frozen=True):
    """A figure of a process without any call: before all of them and after the last."""

    process: str
    figure: Figure
    before: float
    after: float

    @property
    def returned(self) -> bool:
        """Memory comes back to the allocator and not to the kernel: its slope is what tells."""
        return self.figure in ("pss_mb", "rss_mb") or self.after <= self.before


class Samples(msgspec.Struct, frozen=True):
    """Of one process; the columns are as long as `ended` of the soak."""

    process: str
    pss_mb: tuple[float, ...]
    rss_mb: tuple[float, ...]
    descriptors: tuple[int, ...]
    threads: tuple[int, ...]
    ports: tuple[int, ...]
    cpu_s: tuple[float, ...]
    tasks: tuple[int, ...] = ()
    """By the process's own count; empty: it has told none."""


class Soak(msgspec.Struct, frozen=True):
    calls_total: int
    cps: float
    call_s: float
    warm_up_calls: int
    """Slopes are of what was sampled after so many had ended."""
    completed: int
    """Calls that did what they should, from INVITE to the answer to BYE."""
    faults: Mapping[str, int]
    """What went wrong with the others, as their callers saw it."""
    logged: Mapping[str, int]
    """Warnings and errors in the edge's log, by event."""
    at_s: tuple[float, ...]
    ended: tuple[int, ...]
    """Calls that had ended at each sample."""
    up: tuple[int, ...]
    samples: tuple[Samples, ...]
    slopes: tuple[Slope, ...]
    rests: tuple[Rest, ...]

    @property
    def leaks(self) -> bool:
        return any(slope.growth == "grows" for slope in self.slopes) or any(
            not rest.returned for rest in self.rests
        )

    @property
    def failed(self) -> bool:
        return self.leaks or bool(self.faults) or self.completed < self.calls_total
