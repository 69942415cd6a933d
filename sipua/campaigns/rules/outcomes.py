"""What came of an attempt, and what follows from it. No I/O.

call.ended ──▶ outcome, abandoned ──▶ again at …, or done
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence
from typing import Any, Final, Literal, TypeAlias, get_args

from sipua.bridge.answering.verdict import MACHINES

Outcome: TypeAlias = Literal[
    "person",
    "answered",
    "message",
    "machine",
    "fax",
    "silence",
    "busy",
    "no_answer",
    "rejected",
    "failed",
    "canceled",
    "unknown",
    "blocked",
]
"""`answered`: it is not known by whom. `message`: a machine has answered, and has it. `unknown`:
the edge died while it called. `blocked`: a rule forbids the call."""
OUTCOMES: Final[tuple[Outcome, ...]] = get_args(Outcome)
LIVE: Final[tuple[Outcome, ...]] = ("person", "answered")
"""Where it is not known who has answered, it was a person."""

_UNANSWERED: Final[Mapping[str, Outcome]] = {
    "busy": "busy",
    "no_answer": "no_answer",
    "canceled": "canceled",
    "rejected": "rejected",
    "redirected": "rejected",
    "failed": "failed",
}
_ANSWERED: Final[Mapping[str, Outcome]] = {
    "person": "person",
    "fax": "fax",
    "silence": "silence",
}
RETRY_S: Final[Mapping[str, tuple[float, ...]]] = {
    "busy": (300, 900, 3600),
    "no_answer": (3600, 14_400),
    "failed": (300, 3600),
}
"""How long behind the first, the second, … attempt the next one is made; the last value stands for
all that follow. An outcome that is not named is the last one."""

FIRST_AUDIO_MS: Final = 2000
"""A person hears us within so long after the greeting, or the call was abandoned (16 CFR
310.4(b)(4), 47 CFR 64.1200(a)(7))."""
VERDICT_MS: Final = 800
"""The verdict `person` comes at the earliest so long behind the end of the greeting."""


def outcome_of(ended: Mapping[str, Any]) -> Outcome:
    """`ended`: the fields of `call.ended`."""
    status = ended.get("status")
    if status != "completed":
        return _UNANSWERED.get(str(status), "failed")
    found = ended.get("answered_by") or {}
    verdict = found.get("verdict")
    if verdict in MACHINES:
        return "message" if found.get("message") == "left" else "machine"
    return _ANSWERED.get(str(verdict), "answered")


def abandoned(ended: Mapping[str, Any]) -> bool:
    """Whether a person has answered and has heard nothing of ours in time. The side of caution: the
    greeting may have ended earlier than it is reckoned here."""
    outcome = outcome_of(ended)
    if outcome not in LIVE:
        return False
    limit_ms: float = FIRST_AUDIO_MS
    if outcome == "person":
        limit_ms += max(0, _number((ended.get("answered_by") or {}).get("ms")) - VERDICT_MS)
    first_ms = ended.get("first_audio_ms")
    if first_ms is not None:
        return bool(_number(first_ms) > limit_ms)
    return _number(ended.get("duration_s")) * 1000 > limit_ms


def again_after_s(
    outcome: Outcome, attempts: int, retry_s: Mapping[str, Sequence[float]], most: int
) -> float | None:
    """None: it was the last one. `attempts`: those that were made, this one included."""
    delays = retry_s.get(outcome, ())
    if attempts >= most or not delays:
        return None
    return delays[min(attempts, len(delays)) - 1]


class Breaker:
    """Too many of the last attempts have failed: something is broken, and calls on would burn
    contacts."""

    LEAST: Final = 5

    def __init__(self, window: int, share: float) -> None:
        """`window`: 0 is none."""
        self._share = share
        self._last: deque[bool] = deque(maxlen=window)

    def ended(self, outcome: Outcome) -> None:
        self._last.append(outcome == "failed")

    def broken(self) -> str:
        """Why; empty: it is not."""
        seen, failed = len(self._last), sum(self._last)
        if seen < min(self.LEAST, self._last.maxlen or 1) or failed < self._share * seen:
            return ""
        return f"{failed} of the last {seen} attempts have failed" if failed else ""

    def reset(self) -> None:
        self._last.clear()


def _number(value: object) -> float:
    return float(value) if isinstance(value, int | float) else 0.0
