"""One call's conversation as a list of entries: from events and `now`, without a clock or a file.

Each entry is a flat mapping: `kind`, `at_ms` (when it became known), and its contents. All times
of entries are milliseconds since the answer; what was before it is negative. docs/records.md has
every kind and key.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, ClassVar, TypeAlias

from sipua.bridge.engine_api.events import (
    EngineFault,
    RateLimits,
    ResponseDone,
    ToolCall,
    Transcript,
    Usage,
    Used,
)
from sipua.bridge.events import (
    BridgeEvent,
    EngineGone,
    EngineInUse,
    EngineOutage,
    ModelSilent,
)
from sipua.bridge.turns.clock import Endpointing, TurnClock
from sipua.bridge.turns.model import (
    AgentSpoke,
    AnswerHeard,
    CallerSpoke,
    FirstWord,
    ToolRan,
    TurnNews,
    TurnOver,
)
from sipua.record.engine_facts import EngineFacts
from sipua.record.first_line import first_line
from sipua.record.prices import Bill, amounts
from sipua.record.settings import RecordSettings
from sipua.record.summary import ConversationSummary
from sipua.record.transcript_redaction import Redactor
from sipua.record.words import WordBook, Words
from sipua.rtp.events import Dtmf, LossReported

Entry: TypeAlias = dict[str, Any]

# Share of a rate limit: with less left, the next calls may be refused.
_LOW = 0.1
_KEPT = 256
_ARGUMENTS = 64
# Tools whose arguments are keys; a PIN of three digits is too short to be redacted.
_OF_KEYS = frozenset({"send_dtmf"})

CUT_OFF = frozenset({"caller", "operator", "transfer", "agent"})
"""The answer had more to say; the end of a call is told by other means."""


class ConversationRecord:
    def __init__(
        self,
        settings: RecordSettings,
        engines: Mapping[str, EngineFacts],
        *,
        now: float,
        wall: datetime,
    ) -> None:
        """`engines`: by the name in the events; `wall`: the time of day at `now`."""
        self._settings = settings
        self._engines = engines
        self._redactor = Redactor(settings.transcripts, settings.redact)
        self._clock = TurnClock(self._endpointing)
        self._words = WordBook()
        self._summary = ConversationSummary(Bill(settings.prices), settings.currency)
        self._began_s = now
        self._wall = wall
        self._zero_s: float | None = None
        self._kept: list[tuple[float, Entry]] = []  # until the time of the answer is known
        self._engine = ""
        self._arguments: dict[str, Any] = {}
        self._low: set[str] = set()
        self._out: list[Entry] = []

    def begin(self, facts: Mapping[str, Any]) -> Sequence[Entry]:
        """`facts`: for the first line."""
        return [first_line(self._settings, facts, self._wall)]

    def answered(self, now: float) -> Sequence[Entry]:
        """Take the ACK: earlier entries are written now."""
        if self._zero_s is not None:
            return ()
        self._zero_s = now
        self._clock.answered(now)
        kept, self._kept = self._kept, []
        since = self._wall + timedelta(seconds=now - self._began_s)
        answered: Entry = {
            "kind": "answered",
            "at_ms": 0,
            "time": since.astimezone(UTC).isoformat(timespec="milliseconds"),
            "rang_ms": round((now - self._began_s) * 1000),
        }
        return [*(self._finished(entry, at) for at, entry in kept), answered]

    def feed(self, event: BridgeEvent, now: float, heard_ms: int | None = None) -> Sequence[Entry]:
        for news in self._clock.feed(event, now, heard_ms):
            self._NEWS[type(news)](self, news, now)
        act = self._EVENTS.get(type(event))
        if act is not None:
            act(self, event, now)
        return self._take()

    def agent_begins(self, now: float, engines: Mapping[str, EngineFacts]) -> None:
        """From a menu: with these engines, or others under the same names. The wait for the first
        word counts from now on."""
        self._engines = {**self._engines, **engines}
        self._clock.answered(now)

    def note(self, kind: str, now: float, fields: Mapping[str, Any]) -> Sequence[Entry]:
        """An entry of what no event of the bridge tells."""
        self._add(kind, now, **fields)
        return self._take()

    def end(self, now: float, outcome: Mapping[str, Any]) -> Sequence[Entry]:
        """`outcome`: how the call ended."""
        for news in self._clock.end(now):
            self._NEWS[type(news)](self, news, now)
        before: Sequence[Entry] = ()
        if self._zero_s is None:  # never answered: its begin is the zero
            self._zero_s = self._began_s
            before = [self._finished(entry, at) for at, entry in self._kept]
        self._add("end", now, **outcome, **self.summary())
        return [*before, *self._take()]

    def summary(self) -> dict[str, Any]:
        return self._summary.summary()

    # --- turns ----------------------------------------------------------------------------

    def _on_caller_spoke(self, news: CallerSpoke, now: float) -> None:
        self._words.item(news.item_id, "caller").turn = news.turn.number
        self._add(
            "caller",
            now,
            turn=news.turn.number,
            item=news.item_id,
            start_s=news.from_s,
            end_s=news.until_s,
        )

    def _on_agent_spoke(self, news: AgentSpoke, now: float) -> None:
        turn = news.turn.number if news.turn else None
        spoken: Entry = {
            "turn": turn,
            "item": news.item_id,
            "start_s": news.from_s,
            "end_s": news.until_s,
            "played_ms": news.played_ms,
        }
        if news.local:
            self._add("sound", now, **spoken)
            return
        words = self._words.item(news.item_id, "agent")
        words.turn = turn
        words.played = 1.0
        if news.cut in CUT_OFF:
            words.played = news.played_ms / news.total_ms if news.total_ms else 0.0
        words.written = bool(words.text)
        self._add(
            "agent",
            now,
            **spoken,
            cut=news.cut or None,
            of_ms=news.total_ms if news.cut in CUT_OFF else None,
            text=self._text(words),
        )

    def _on_answer(self, news: AnswerHeard | FirstWord, now: float) -> None:
        turn, stages = news.turn, news.turn.stages
        assert stages is not None
        if isinstance(news, FirstWord):
            self._summary.first_word_ms = stages.total_ms
        self._add(
            "latency",
            now,
            turn=turn.number,
            of=turn.kind,
            total_ms=stages.total_ms,
            endpointing_ms=stages.endpointing_ms,
            model_ms=stages.model_ms,
            tools_ms=stages.tools_ms,
            outage_ms=stages.outage_ms,
            playout_ms=stages.playout_ms,
        )

    def _on_tool_ran(self, news: ToolRan, now: float) -> None:
        span = news.span
        self._summary.tools += 1
        self._summary.tool_errors += span.outcome != "ok"
        self._add(
            "tool",
            now,
            turn=news.turn.number if news.turn else None,
            name=span.name,
            by="engine" if span.by_engine else "us",
            start_s=span.called_s,
            ran_ms=span.ran_ms,
            outcome=span.outcome,
            arguments=self._arguments.pop(span.call_id, None),
        )

    def _on_turn_over(self, news: TurnOver, now: float) -> None:
        turn = news.turn
        self._summary.count(turn)
        self._add(
            "turn",
            now,
            turn=turn.number,
            of=turn.kind,
            outcome=turn.outcome,
            heard_ms=turn.heard_ms,
            waited_ms=turn.waited_ms,
            responses=turn.responses,
            tools=len(turn.tools),
            nudges=turn.nudges,
            outages=turn.outages,
            failed=turn.failed or None,
        )

    # --- other events ---------------------------------------------------------------

    def _on_transcript(self, event: Transcript, now: float) -> None:
        words = self._words.write(event)
        if not event.final or (words.who == "agent" and (words.played is None or words.written)):
            return  # the agent's words are written when it has said them
        words.written = True
        text = self._text(words)
        if text is not None:
            self._add("text", now, turn=words.turn, item=event.item_id, who=words.who, text=text)

    def _text(self, words: Words) -> str | None:
        if not words.text:
            return None
        return self._redactor.text(
            words.text.strip(), 1.0 if words.played is None else words.played
        )

    def _on_tool_call(self, event: ToolCall, _now: float) -> None:
        if self._settings.mask_dtmf and event.name in _OF_KEYS:
            return
        if len(self._arguments) < _ARGUMENTS:
            self._arguments[event.call_id] = self._redactor.arguments(event.arguments)

    def _on_response_done(self, event: ResponseDone, now: float) -> None:
        if event.usage is not None:
            self._used(event.usage, "response", self._facts.model, now)

    def _on_used(self, event: Used, now: float) -> None:
        facts = self._facts_of(event.engine or self._engine)
        model = facts.transcription if event.what == "transcription" else facts.model
        self._used(event.usage, event.what, None if facts.model is None else model, now)

    def _used(self, usage: Usage, what: str, model: str | None, now: float) -> None:
        cost = self._summary.bill.add(usage, model)
        self._add(
            "usage",
            now,
            of=what,
            model=model,
            **amounts(usage),
            cost=None if cost is None else round(cost, 6),
        )

    def _on_rate_limits(self, event: RateLimits, now: float) -> None:
        for limit in event.limits:
            if not limit.limit or limit.remaining is None or limit.name in self._low:
                continue
            if limit.remaining < limit.limit * _LOW:
                self._low.add(limit.name[:64])
                self._summary.rate_limits_low += 1
                self._add(
                    "rate_limit",
                    now,
                    name=limit.name,
                    remaining=limit.remaining,
                    limit=limit.limit,
                    reset_s=limit.reset_s,
                )

    def _on_engine(self, event: EngineInUse, now: float) -> None:
        self._engine = event.engine
        self._summary.sessions += 1
        self._summary.outage_ms += event.gap_ms
        self._add(
            "engine",
            now,
            news=event.why,
            engine=event.engine,
            model=self._facts.model,
            session=event.session_id,
            gap_ms=event.gap_ms,
            restored=event.restored,
        )

    def _on_outage(self, event: EngineOutage, now: float) -> None:
        self._summary.outages += 1
        self._add("engine", now, news="outage", engine=event.engine, cause=event.cause)

    def _on_gone(self, event: EngineGone, now: float) -> None:
        self._add("engine", now, news="gone", engine=event.engine, cause=event.cause)

    def _on_silent(self, event: ModelSilent, now: float) -> None:
        self._add("engine", now, news="silent", waited_ms=event.waited_ms, action=event.action)

    def _on_fault(self, event: EngineFault, now: float) -> None:
        self._add("engine", now, news="error", code=event.code, cause=event.message)

    def _on_dtmf(self, event: Dtmf, now: float) -> None:
        digit = "?" if self._settings.mask_dtmf else event.digit
        self._add("dtmf", now, digit=digit, duration_ms=event.duration_ms)

    def _on_loss(self, event: LossReported, now: float) -> None:
        lost = round(event.fraction_lost, 3)
        self._add("network", now, caller_lost=lost, jitter_ms=round(event.jitter_ms, 1))

    # --- entries --------------------------------------------------------------------------

    @property
    def _facts(self) -> EngineFacts:
        return self._facts_of(self._engine)

    def _facts_of(self, engine: str) -> EngineFacts:
        return self._engines.get(engine) or EngineFacts(model=engine)

    def _endpointing(self, engine: str) -> Endpointing:
        facts = self._engines.get(engine)
        return facts.endpointing if facts else Endpointing()

    def _add(self, kind: str, now: float, **fields: Any) -> None:
        """Add an entry; a field `x_s` is a moment, and becomes `x_ms` on the call's clock."""
        entry = {"kind": kind, **fields}
        if self._zero_s is not None:
            self._out.append(self._finished(entry, now))
        elif len(self._kept) < _KEPT:
            self._kept.append((now, entry))

    def _finished(self, entry: Entry, now: float) -> Entry:
        finished: Entry = {"kind": entry["kind"], "at_ms": self._ms(now)}
        for name, value in entry.items():
            if name in ("start_s", "end_s"):
                finished[name[:-1] + "ms"] = self._ms(value)
            elif value is not None or name in ("cost", "text"):
                finished[name] = value
        return finished

    def _ms(self, moment_s: float) -> int:
        assert self._zero_s is not None
        return round((moment_s - self._zero_s) * 1000)

    def _take(self) -> Sequence[Entry]:
        if not self._out:
            return ()
        out, self._out = self._out, []
        return out

    _NEWS: ClassVar[Mapping[type[TurnNews], Callable[[ConversationRecord, Any, float], None]]] = {
        CallerSpoke: _on_caller_spoke,
        AgentSpoke: _on_agent_spoke,
        AnswerHeard: _on_answer,
        FirstWord: _on_answer,
        ToolRan: _on_tool_ran,
        TurnOver: _on_turn_over,
    }
    _EVENTS: ClassVar[Mapping[type, Callable[[ConversationRecord, Any, float], None]]] = {
        Transcript: _on_transcript,
        ToolCall: _on_tool_call,
        ResponseDone: _on_response_done,
        Used: _on_used,
        RateLimits: _on_rate_limits,
        EngineInUse: _on_engine,
        EngineOutage: _on_outage,
        EngineGone: _on_gone,
        ModelSilent: _on_silent,
        EngineFault: _on_fault,
        Dtmf: _on_dtmf,
        LossReported: _on_loss,
    }
