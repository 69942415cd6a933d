"""The short summary of a call's conversation, for `call.ended` and the end of its file."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field, fields
from typing import Any

from sipua.bridge.turns.model import Stages, Turn
from sipua.record.prices import Bill


@dataclass(slots=True)
class ConversationSummary:
    bill: Bill
    currency: str
    turns: int = 0
    unanswered: int = 0
    interruptions: int = 0
    tools: int = 0
    tool_errors: int = 0
    sessions: int = 0
    outages: int = 0
    outage_ms: int = 0
    first_word_ms: int | None = None
    latencies_ms: list[int] = field(default_factory=list)
    slowest: tuple[int, Stages] | None = None
    """The turn whose answer took longest, and where its time went."""
    rate_limits_low: int = 0

    def count(self, turn: Turn) -> None:
        """Count a finished turn."""
        self.interruptions += turn.interrupted
        if turn.kind != "caller":
            return
        self.turns += 1
        self.unanswered += turn.outcome == "unanswered"
        if turn.stages is not None:
            self.latencies_ms.append(turn.stages.total_ms)
            if self.slowest is None or turn.stages.total_ms > self.slowest[1].total_ms:
                self.slowest = turn.number, turn.stages

    def summary(self) -> dict[str, Any]:
        cost = self.bill.cost
        optional = {
            "tools": self.tools,
            "tool_errors": self.tool_errors,
            "outages": self.outages,
            "outage_ms": self.outage_ms,
            "rate_limits_low": self.rate_limits_low,
        }
        return {
            "turns": self.turns,
            "unanswered": self.unanswered,
            "interruptions": self.interruptions,
            "first_word_ms": self.first_word_ms,
            "latency_ms": {
                "p50": percentile(self.latencies_ms, 50),
                "p95": percentile(self.latencies_ms, 95),
                "max": max(self.latencies_ms, default=None),
            },
            **self._slowest(),
            "engine_sessions": self.sessions,
            **{name: value for name, value in optional.items() if value},
            "usage": dict(self.bill.used),
            "cost": None if cost is None else round(cost, 6),
            "currency": self.currency,
        }

    def _slowest(self) -> dict[str, Any]:
        if self.slowest is None:
            return {}
        turn, stages = self.slowest
        parts = ((one.name, getattr(stages, one.name)) for one in fields(stages))
        return {"slowest": {"turn": turn, **{name: ms for name, ms in parts if ms}}}


def percentile(values: Sequence[int], percent: int) -> int | None:
    """A value from the list: the smallest that this many per cent do not exceed."""
    if not values:
        return None
    return sorted(values)[math.ceil(len(values) * percent / 100) - 1]
