"""The tools that run in a call, and whose turn waits for them."""

from __future__ import annotations

from collections.abc import Iterable

from sipua.bridge.turns.model import ToolRan, ToolSpan, Turn

_RUNNING = 64


class ToolSpans:
    __slots__ = ("_running",)

    def __init__(self) -> None:
        self._running: dict[str, tuple[ToolSpan, Turn | None]] = {}

    def begin(self, span: ToolSpan, turn: Turn | None) -> None:
        if span.call_id in self._running or len(self._running) == _RUNNING:
            return
        self._running[span.call_id] = (span, turn)
        if turn is not None:
            turn.tools.append(span)

    def end(self, call_id: str, outcome: str, now: float) -> Iterable[ToolRan]:
        if call_id not in self._running:
            return ()
        span, turn = self._running.pop(call_id)
        span.answered_s, span.outcome = now, outcome
        return (ToolRan(turn, span),)

    def abandon(self) -> Iterable[ToolRan]:
        """The call is over before they are."""
        left, self._running = list(self._running.values()), {}
        for span, _ in left:
            span.outcome = "unfinished"
        return [ToolRan(turn, span) for span, turn in left]

    def keep_waiting(self, turn: Turn) -> bool:
        return any(owner is turn for _, owner in self._running.values())
