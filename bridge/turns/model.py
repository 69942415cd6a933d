"""What a turn is, and what is known of one: the words of `sipua.bridge.turns.clock`.

Moments are seconds on the clock that the events come with; lengths are whole milliseconds. The
stages of an answer follow each other without a gap and without an overlap, so that they add up:

    speech ends ──▶ engine says so ──▶ first delta ──▶ first packet on the wire
         endpointing      model, tools, outage     playout
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from sipua.bridge.events import LOCAL

Kind = Literal["caller", "greeting", "idle", "agent"]
"""Who began it: the caller; the greeting; the engine, after silence or of its own will."""

Outcome = Literal["answered", "interrupted", "overlapped", "continued", "unanswered", "ended"]
"""`overlapped`: the answer began before the caller was done, so there was nothing to wait for.
`continued`: the caller went on before there was an answer. `ended`: the call was over first."""


@dataclass(frozen=True, slots=True)
class Stages:
    """Where the time went between the caller's last sound and the answer's first."""

    endpointing_ms: int = 0
    """Until the engine said that the caller has finished: the silence that it waits for."""
    model_ms: int = 0
    tools_ms: int = 0
    """While a tool ran and nothing was heard of the model."""
    outage_ms: int = 0
    """While there was no engine."""
    playout_ms: int = 0
    """Behind what was still being said, or the ACK that was not there yet."""

    @property
    def total_ms(self) -> int:
        before_audio_ms = self.model_ms + self.tools_ms + self.outage_ms
        return self.endpointing_ms + before_audio_ms + self.playout_ms


@dataclass(slots=True, eq=False)
class ToolSpan:
    """A tool from its call to its result to the next sound of the model."""

    call_id: str
    name: str
    called_s: float
    by_engine: bool = False
    answered_s: float | None = None
    outcome: str = ""
    audio_s: float | None = None

    @property
    def ran_ms(self) -> int | None:
        return None if self.answered_s is None else to_ms(self.answered_s - self.called_s)


@dataclass(slots=True, eq=False)
class Turn:
    number: int
    kind: Kind
    opened_s: float
    spoke_from_s: float | None = None
    spoke_until_s: float | None = None
    stopped_s: float | None = None
    """When the engine said that the caller has finished."""
    began_s: float | None = None
    left_s: float | None = None
    stages: Stages | None = None
    """None: there was no answer, or it began before the caller was done."""
    heard_ms: int = 0
    """Of the answer, by the caller."""
    interrupted: bool = False
    responses: int = 0
    failed: str = ""
    """What became of its last response, if that is no good news."""
    nudges: int = 0
    outages: int = 0
    tools: list[ToolSpan] = field(default_factory=list)
    outcome: Outcome | None = None
    waited_ms: int = 0
    """In vain: without an answer."""
    waits_s: dict[str, float] = field(default_factory=dict)
    """For its first delta, by cause."""

    @property
    def speaking(self) -> bool:
        """The caller is at it."""
        return self.kind == "caller" and self.stopped_s is None

    @property
    def waiting(self) -> bool:
        """The engine's turn, and nothing has come yet."""
        return self.stopped_s is not None and self.began_s is None


@dataclass(frozen=True, slots=True)
class CallerSpoke:
    turn: Turn
    item_id: str
    from_s: float
    until_s: float


@dataclass(frozen=True, slots=True)
class AnswerHeard:
    """The answer's first packet is on the wire; `turn.stages` says what it took."""

    turn: Turn


@dataclass(frozen=True, slots=True)
class FirstWord:
    """The same of the greeting, counted from the ACK."""

    turn: Turn


@dataclass(frozen=True, slots=True)
class AgentSpoke:
    """An item was played to its end, or cut off: perhaps before its first packet."""

    turn: Turn | None
    item_id: str
    from_s: float
    until_s: float
    played_ms: int
    total_ms: int
    """Of what had come when it was cut off; otherwise the same."""
    cut: Literal["", "caller", "operator", "transfer", "agent", "end"] = ""
    """By what: the caller, an operator, a transfer, or the end of the call."""

    @property
    def local(self) -> bool:
        """A sound of ours; the engine knows nothing of it."""
        return self.item_id.startswith(LOCAL)


@dataclass(frozen=True, slots=True)
class ToolRan:
    turn: Turn | None
    span: ToolSpan


@dataclass(frozen=True, slots=True)
class TurnOver:
    turn: Turn


TurnNews: TypeAlias = CallerSpoke | AnswerHeard | FirstWord | AgentSpoke | ToolRan | TurnOver


def to_ms(seconds: float) -> int:
    return round(seconds * 1000)
