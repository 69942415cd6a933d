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
Figure = Literal[
    "pss_mb",
    "rss_mb",
    "descriptors",
    "threads",
    "ports",
    "tasks",
    "transactions",
    "dialogs",
    "legs",
    "waiting",
    "spool_mb",
]
FIGURES: dict[Figure, str] = {
    "pss_mb": "memory (PSS)",
    "rss_mb": "memory (RSS)",
    "descriptors": "descriptors",
    "threads": "threads",
    "ports": "RTP ports",
    "tasks": "asyncio tasks",
    "transactions": "SIP transactions",
    "dialogs": "SIP dialogs",
    "legs": "second legs",
    "waiting": "events for webhooks",
    "spool_mb": "spool of webhooks",
}
KERNEL: tuple[Figure, ...] = ("pss_mb", "rss_mb", "descriptors", "threads", "ports")
"""Figures of every process; the others are told by some."""
MEMORY: tuple[Figure, ...] = ("pss_mb", "rss_mb", "spool_mb")
"""Megabytes, which need not come back to the byte: the allocator, or the file, keeps room. Their
slope is what tells."""

SLACK: Mapping[Figure, int] = {"transactions": 4, "threads": 6}
"""What may be more at rest: a trunk is asked by OPTIONS at any moment, and asyncio's pool of
threads for work that would block, which has up to four more than there are cores, gets another one
only when all it has are busy."""


class Slope(msgspec.Struct, frozen=True):
    """How a figure of a process changes per 1,000 calls; its limits hold for all together, 95 %."""

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
        return self.figure in MEMORY or self.after <= self.before + SLACK.get(self.figure, 0)


class Samples(msgspec.Struct, frozen=True):
    """Of one process; the columns begin at the sample `first`, and end with the process."""

    process: str
    pss_mb: tuple[float, ...]
    rss_mb: tuple[float, ...]
    descriptors: tuple[int, ...]
    threads: tuple[int, ...]
    ports: tuple[int, ...]
    cpu_s: tuple[float, ...]
    tasks: tuple[int, ...] = ()
    """Of older results: it is among `more` today."""
    more: Mapping[Figure, tuple[float, ...]] = {}
    """Figures that the process has told by itself."""
    first: int = 0

    def column(self, figure: Figure) -> tuple[float, ...]:
        """Empty: this process has no such figure."""
        if figure in KERNEL:
            return tuple(getattr(self, figure))
        return self.more.get(figure, self.tasks if figure == "tasks" else ())


class Watched(msgspec.Struct, frozen=True, kw_only=True):
    """What a soak and a life have in common: an edge that was watched while it had calls."""

    warm_up_calls: int
    """Slopes are of what was sampled after so many had ended."""
    faults: Mapping[str, int]
    """What went wrong with calls, as their callers saw it."""
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


class Soak(Watched, frozen=True, kw_only=True):
    calls_total: int
    cps: float
    call_s: float
    completed: int
    """Calls that did what they should, from INVITE to the answer to BYE."""

    @property
    def failed(self) -> bool:
        return self.leaks or bool(self.faults) or self.completed < self.calls_total


class Life(Watched, frozen=True, kw_only=True):
    calls: int
    """Kept up at once."""
    workers: int
    kinds: Mapping[str, tuple[int, int, int]]
    """Of each kind of call: begun, well, and excused because their worker was killed."""
    happened: Mapping[str, int]
    """What was done to the edge, and what came of it, by name."""
    lag_ms: Mapping[str, tuple[float, ...]] = {}
    """Of each process that tells it: the longest lag of its loop before each sample, at most."""

    @property
    def begun(self) -> int:
        return sum(begun for begun, _, _ in self.kinds.values())

    @property
    def well(self) -> int:
        return sum(well for _, well, _ in self.kinds.values())

    @property
    def excused(self) -> int:
        return sum(excused for _, _, excused in self.kinds.values())

    @property
    def failed(self) -> bool:
        return self.leaks or bool(self.faults)
