"""The events of calls, kept until they are over. Pure, and O(1) for each event.

    an event ─▶ its call: the first 256, the last 256 ──call.ended──▶ Story, if it is to be written

What happened between the first and the last is counted. So a call of hours holds no more than one
of minutes, and its beginning and its end, where most faults are, are there.
"""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from typing import Final

import msgspec

from sipua.events.teller import ENDED, Told
from sipua.process import trace_context
from sipua.process.trace_context import CallTrace

FIRST: Final = 256
LAST: Final = 256
MOST_CALLS: Final = 10_000
MOST_BYTES: Final = 64_000_000
"""Of the events of all calls that are up."""

_BEGINNINGS: Final = frozenset({"call.incoming", "call.placing"})
_WORDS: Final = "turn.text"
WANTED: Final = frozenset(
    {
        *_BEGINNINGS,
        *("call.ringing", "call.progress", "call.answered", "call.confirmed"),
        *("call.answered_by", "call.beep", "call.message"),
        *("call.greeting_late", "call.media", "call.held", "call.resumed", "call.offer_refused"),
        *("call.request_refused",),
        *("call.source", "call.dtmf", "call.quality", "call.interrupted", "call.fallback"),
        *("call.prompt_unheard", "call.steered", "call.transfer", "call.transfer_progress"),
        *("call.transferred", "call.transfer_failed", "call.transfer_refused", ENDED),
        *("call.leg", "call.joined", "call.leg_ended"),
        *("menu.entered", "menu.key", "menu.left"),
        *("turn.caller", "turn.agent", "turn.latency", "turn.unanswered"),
        *("tool.called", "tool.done", "tool.failed"),
        *("engine.in_use", "engine.outage", "engine.gone", "engine.silent", "engine.usage"),
    }
)
"""The types of events that spans are made of."""


class _End(msgspec.Struct):
    fault: str | None = None


class _Ended(msgspec.Struct):
    end: _End


@dataclass(slots=True)
class Story:
    """The events of one call."""

    trace: CallTrace
    first: list[Told] = field(default_factory=list)
    last: deque[Told] = field(default_factory=deque)
    left_out: int = 0
    """Between the first and the last."""
    bytes: int = 0

    def add(self, told: Told, *, room: bool) -> None:
        if not room:
            self.left_out += 1
            return
        self.bytes += len(told.data)
        if len(self.first) < FIRST:
            self.first.append(told)
            return
        self.last.append(told)
        if len(self.last) > LAST:
            self.bytes -= len(self.last.popleft().data)
            self.left_out += 1


class Stories:
    """Of all calls that are up."""

    def __init__(
        self, *, private: bool, most_calls: int = MOST_CALLS, most_bytes: int = MOST_BYTES
    ) -> None:
        self.wanted = WANTED | {_WORDS} if private else WANTED
        self._most_calls = most_calls
        self._most_bytes = most_bytes
        self._calls: dict[str, Story] = {}
        self._bytes = 0
        self.missed = 0
        """Calls that were too many to be followed."""

    def __len__(self) -> int:
        return len(self._calls)

    def feed(self, told: Told) -> Story | None:
        """An event; the story of its call, when it is over and to be written."""
        if told.type not in self.wanted:
            return None
        if told.type in _BEGINNINGS:
            self._begin(told)
        story = self._calls.get(told.call_id)
        if story is None:
            return None
        ended = told.type == ENDED
        before = story.bytes
        story.add(told, room=ended or self._bytes < self._most_bytes)
        self._bytes += story.bytes - before
        if not ended:
            return None
        del self._calls[told.call_id]
        self._bytes -= story.bytes
        return story if story.trace.sampled or _faulty(told) else None

    def _begin(self, told: Told) -> None:
        context = trace_context.parse(told.traceparent)
        if context is None or told.call_id in self._calls:
            return
        if len(self._calls) >= self._most_calls:
            self.missed += 1
            return
        trace = CallTrace(context.trace_id, told.call_id, context.sampled)
        self._calls[told.call_id] = Story(trace)


def _faulty(told: Told) -> bool:
    try:
        return msgspec.json.decode(told.data, type=_Ended).end.fault is not None
    except msgspec.MsgspecError:
        return True  # one that cannot be read is worth a look
