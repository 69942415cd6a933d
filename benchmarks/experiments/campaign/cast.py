"""Who is called: each number with the part that it plays, and the bounds that must be kept.

By the last digit: 0 to 4 are persons, 5 is voicemail, 6 is busy, 7 does not answer, 8 refuses, 9 is
out of order, in one of four ways by the digit before it. people.xml plays them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from sipua.bench.experiments.campaign import wire

LISTED: Final = ("100013", "100021", "100032")
"""In the list of numbers that are not called."""
FORBIDDEN: Final = "1999"
"""What no trunk may call begins with it."""
FORBIDDEN_COUNT: Final = 3
ATTEMPTS_PER_DAY: Final = 2
RETRY_S: Final = {"busy": 10.0, "no_answer": 15.0, "failed": 10.0}

_PARTS: Final = {"5": "machine", "6": "busy", "7": "no_answer", "8": "rejected"}


@dataclass(frozen=True, slots=True)
class Trunk:
    name: str
    max_calls: int


@dataclass(frozen=True, slots=True)
class Campaign:
    name: str
    trunk: str
    numbers: Sequence[str]
    max_calls: int
    calls_per_second: float

    def order(self) -> dict[str, Any]:
        """For the API."""
        return {
            "name": self.name,
            "origin": self.trunk,
            "max_calls": self.max_calls,
            "calls_per_second": self.calls_per_second,
            "ring_timeout_s": wire.RING_S,
            "on_voicemail": "hangup",
            "max_attempts": 2,
            "retry_s": {name: [delay] for name, delay in RETRY_S.items()},
        }


@dataclass(frozen=True, slots=True)
class Cast:
    campaigns: Sequence[Campaign]
    trunks: Sequence[Trunk]
    max_calls: int
    """Of all campaigns together."""
    calls_per_second: float
    numbers: Sequence[str] = field(default_factory=tuple)
    """All of them, each once."""


def cast(count: int) -> Cast:
    """Each bound is less than the sum of those below it, so that it must be kept by itself. A few
    numbers are in both campaigns."""
    every = [f"1{n:05}" for n in range(count - FORBIDDEN_COUNT)]
    forbidden = [f"{FORBIDDEN}{n:02}" for n in range(FORBIDDEN_COUNT)]
    split = round(len(every) * 0.8)
    shared = max(1, count // 25)
    march = Campaign("march", "carrier", [*every[:split], *forbidden], 12, 5.0)
    april = Campaign("april", "second", every[split - shared :], 8, 3.0)
    trunks = (Trunk("carrier", 10), Trunk("second", 6))
    return Cast((march, april), trunks, 14, 6.0, (*every, *forbidden))


def part_of(number: str) -> str:
    """What answers there: `person`, or the outcome of an attempt."""
    if number[-1] == "9":
        return {"0": "404", "1": "503", "2": "480", "3": "nothing"}[str(int(number[-2]) % 4)]
    return _PARTS.get(number[-1], "person")


def may_be_called(number: str) -> bool:
    return number not in LISTED and not number.startswith(FORBIDDEN)
