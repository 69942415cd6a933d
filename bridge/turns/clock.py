"""Who spoke when, and how long each answer took: from a call's events, without a clock.

`feed` takes events with the time at which they were seen, in order of that time; in any other
order of their own nothing breaks, because no engine keeps quite the same one. What belongs to
which turn is decided by these rules:

    a turn       begins with the caller's speech, and ends when the caller speaks again and all
                 that was said to it has been played or cut.
    a response   belongs to the turn that was the last one when it began.
    an item      belongs to its response's turn, or to the last one when no response is known.
    an answer    is what the caller hears first of them. It counts from the end of the speech: not
                 from where the engine says that it ended, which includes the silence that it
                 waits for, but from the caller's last sound.

The engine tells positions in the audio that it was given. `heard_ms`, how much that is at the
moment, maps them to our clock: that audio was given in real time.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar, Literal

from sipua.bridge.engine_api.events import (
    CallerIdle,
    ResponseDone,
    ResponseStarted,
    ServerTool,
    SpeechStarted,
    SpeechStopped,
    ToolCall,
)
from sipua.bridge.events import (
    LOCAL,
    AudioBegan,
    AudioLeft,
    AudioPlayed,
    BridgeEvent,
    EngineInUse,
    EngineOutage,
    Interrupted,
    ModelSilent,
    ToolAnswered,
)
from sipua.bridge.turns.model import (
    AgentSpoke,
    AnswerHeard,
    CallerSpoke,
    FirstWord,
    Kind,
    ToolSpan,
    Turn,
    TurnNews,
    TurnOver,
    to_ms,
)
from sipua.bridge.turns.running_tools import ToolSpans
from sipua.bridge.turns.verdict import judge, overlaps, stages

_ITEMS = 64
_RESPONSES = 32
_TURNS_OPEN = 8


@dataclass(frozen=True, slots=True)
class Endpointing:
    """What an engine's positions include beyond the speech itself."""

    silence_ms: int = 0
    prefix_ms: int = 0


@dataclass(slots=True)
class _Item:
    item_id: str
    turn: Turn | None
    began_s: float
    left_s: float | None = None
    over: bool = False


class TurnClock:
    def __init__(self, endpointing: Callable[[str], Endpointing] = lambda _: Endpointing()) -> None:
        """`endpointing`: of an engine, by the name that `EngineInUse` has."""
        self._endpointing = endpointing
        self._includes = endpointing("")
        self._heard_ms: int | None = None
        self._answered_s: float | None = None
        self.turns = 0
        """So far, those that go on among them."""
        self._turn: Turn | None = None  # the last one; no speech since
        self._open: list[Turn] = []  # what is not over, oldest first; the last turn among them
        self._items: dict[str, _Item] = {}
        self._responses: dict[str, Turn | None] = {}  # that run
        self._response_s = 0.0
        self._tools = ToolSpans()
        self._outage = False
        self._idle = False
        self._at_s = 0.0
        self._news: list[TurnNews] = []

    def answered(self, now: float) -> Sequence[TurnNews]:
        """The ACK, or a menu that has led to an agent: the wait for the first word begins."""
        self._answered_s = now
        return ()

    def feed(
        self, event: BridgeEvent, now: float, heard_ms: int | None = None
    ) -> Sequence[TurnNews]:
        """`heard_ms`: what the session in use was given so far of the caller's audio."""
        act = self._HANDLERS.get(type(event))
        if act is None:
            return ()
        self._pass_time(now)
        self._heard_ms = heard_ms
        act(self, event, now)
        return self._take()

    def end(self, now: float) -> Sequence[TurnNews]:
        """The call is over, and with it everything that was going on."""
        self._pass_time(now)
        for item in list(self._items.values()):
            if item.left_s is not None and not item.over:
                self._item_over(item, now, to_ms(now - item.left_s), cut="end")
        self._news += self._tools.abandon()
        for turn in self._open[:]:
            self._over(turn, now, call_ended=True)
        self._turn = None
        return self._take()

    def _take(self) -> Sequence[TurnNews]:
        if not self._news:
            return ()
        news, self._news = self._news, []
        return news

    # --- the caller -----------------------------------------------------------------------

    def _on_speech_started(self, event: SpeechStarted, now: float) -> None:
        turn = self._turn
        if turn is not None and (turn.speaking or (turn.waiting and self._outage_cut(turn))):
            turn.stopped_s = None  # the next session hears the same speech anew
            turn.waits_s.clear()
            return
        behind_ms = self._behind(event.audio_start_ms + self._includes.prefix_ms)
        start_s = max(self._floor(), now - behind_ms / 1000)
        self._supersede(now)
        self._begin("caller", now).spoke_from_s = min(start_s, now)

    def _on_speech_stopped(self, event: SpeechStopped, now: float) -> None:
        turn = self._turn
        if turn is None or not (turn.speaking or (turn.waiting and self._outage_cut(turn))):
            self._supersede(now)
            turn = self._begin("caller", now)
        behind_ms = self._behind(event.audio_end_ms) + self._includes.silence_ms
        until_s = now - behind_ms / 1000
        from_s = turn.spoke_from_s
        if from_s is None:
            from_s = turn.spoke_from_s = min(now, max(until_s, self._floor()))
        turn.spoke_until_s = until_s = max(from_s, until_s)
        turn.stopped_s = now
        turn.waits_s.clear()
        self._news.append(CallerSpoke(turn, event.item_id, from_s, until_s))
        if turn.began_s is not None:
            self._answer(turn)  # it did not wait for the engine's word

    def _behind(self, position_ms: int) -> int:
        """How long ago that was given to the engine."""
        return 0 if self._heard_ms is None else max(0, self._heard_ms - position_ms)

    def _floor(self) -> float:
        """Speech of this turn cannot have begun before the last one was over."""
        known = [turn.stopped_s or turn.opened_s for turn in self._open]
        return max(known, default=0.0)

    def _on_idle(self, _event: CallerIdle, now: float) -> None:
        if self._turn is None or not (self._turn.waiting or self._turn.speaking):
            self._supersede(now)
            self._idle = True

    # --- the engine -----------------------------------------------------------------------

    def _on_response_started(self, event: ResponseStarted, now: float) -> None:
        self._response_s = now
        if len(self._responses) == _RESPONSES:
            self._responses.pop(next(iter(self._responses)))
        self._responses[event.response_id] = self._turn
        if self._turn is not None:
            self._turn.responses += 1

    def _on_response_done(self, event: ResponseDone, now: float) -> None:
        turn = self._responses.pop(event.response_id, None)
        if turn is None:
            return
        if event.status in ("failed", "incomplete"):
            turn.failed = f"{event.status}: {event.detail}" if event.detail else event.status
        self._settle(turn, now)

    def _on_engine(self, event: EngineInUse, _now: float) -> None:
        self._includes = self._endpointing(event.engine)
        self._outage = False
        self._responses.clear()  # the old session's

    def _on_outage(self, _event: EngineOutage, now: float) -> None:
        self._outage = True
        self._responses.clear()
        turn = self._turn
        if turn is not None:
            turn.outages += 1
            if turn.speaking:
                # No engine hears the caller now: no better end of the speech will be known.
                turn.spoke_until_s = turn.stopped_s = now
        for open_turn in self._open[:]:
            self._settle(open_turn, now)

    @staticmethod
    def _outage_cut(turn: Turn) -> bool:
        return turn.outages > 0 and turn.spoke_until_s == turn.stopped_s

    def _on_silent(self, _event: ModelSilent, _now: float) -> None:
        if self._turn is not None:
            self._turn.nudges += 1

    # --- tools ----------------------------------------------------------------------------

    def _on_tool_call(self, event: ToolCall, now: float) -> None:
        self._tools.begin(ToolSpan(event.call_id, event.name, now), self._turn)

    def _on_tool_answered(self, event: ToolAnswered, now: float) -> None:
        self._news += self._tools.end(event.call_id, event.outcome or "ok", now)

    def _on_server_tool(self, event: ServerTool, now: float) -> None:
        if event.status == "started":
            self._tools.begin(ToolSpan(event.item_id, event.name, now, by_engine=True), self._turn)
        else:
            outcome = "ok" if event.status == "completed" else "error"
            self._news += self._tools.end(event.item_id, outcome, now)

    # --- the agent's audio ----------------------------------------------------------------

    def _on_began(self, event: AudioBegan, now: float) -> None:
        self._item(event.item_id, now)

    def _on_left(self, event: AudioLeft, now: float) -> None:
        item = self._item(event.item_id, now)
        if item.left_s is not None or item.over:
            return
        item.left_s = now
        turn = item.turn
        if turn is None:
            return
        for older in self._open[: self._open.index(turn)] if turn in self._open else ():
            self._over(older, now)  # the playout is a queue: all of theirs is out
        for span in turn.tools:
            done_s = span.answered_s
            if done_s is not None and span.audio_s is None and done_s <= item.began_s:
                span.audio_s = now
        if turn.left_s is None and turn in self._open:
            turn.left_s = now
            if not turn.speaking:
                self._answer(turn)

    def _on_played(self, event: AudioPlayed, now: float) -> None:
        item = self._items.get(event.item_id)
        if item is None or item.left_s is None or item.over:
            return
        self._item_over(item, now, event.played_ms or to_ms(now - item.left_s))

    def _on_interrupted(self, event: Interrupted, now: float) -> None:
        item = self._item(event.item_id, now)
        if not item.over:
            self._item_over(item, now, event.played_ms, event.dropped_ms, cut=event.by)

    def _item(self, item_id: str, now: float) -> _Item:
        """The item, which begins now if it was not known."""
        item = self._items.get(item_id)
        if item is not None:
            return item
        if len(self._items) == _ITEMS:
            del self._items[next(iter(self._items))]
        turn = None if item_id.startswith(LOCAL) else self._turn_of_audio(now)
        item = self._items[item_id] = _Item(item_id, turn, now)
        if turn is not None and turn.began_s is None:
            turn.began_s = now
        return item

    def _turn_of_audio(self, now: float) -> Turn:
        running = [turn for turn in self._responses.values() if turn in self._open]
        turn = running[-1] if running else self._turn
        if turn is not None:
            return turn
        kind: Kind = "idle" if self._idle else "agent" if self.turns else "greeting"
        turn = self._begin(kind, self._response_s if self._responses else now)
        turn.responses = len(self._responses)
        self._responses = dict.fromkeys(self._responses, turn)
        return turn

    def _item_over(
        self,
        item: _Item,
        now: float,
        played_ms: int,
        dropped_ms: int = 0,
        *,
        cut: Literal["", "caller", "operator", "transfer", "agent", "end"] = "",
    ) -> None:
        item.over = True
        turn = item.turn
        from_s = now if item.left_s is None else item.left_s
        until_s = now if cut else max(now, from_s + played_ms / 1000)
        total_ms = played_ms + dropped_ms
        self._news.append(AgentSpoke(turn, item.item_id, from_s, until_s, played_ms, total_ms, cut))
        if turn is not None:
            turn.heard_ms += played_ms
            turn.interrupted = turn.interrupted or cut in ("caller", "agent")
            self._settle(turn, now)

    # --- turns ----------------------------------------------------------------------------

    def _begin(self, kind: Kind, opened_s: float) -> Turn:
        self.turns += 1
        turn = self._turn = Turn(self.turns, kind, opened_s)
        self._idle = False
        self._open.append(turn)
        if len(self._open) > _TURNS_OPEN:
            self._over(self._open[0], self._at_s)
        return turn

    def _answer(self, turn: Turn) -> None:
        """The caller hears something, and the engine has said when the speech ended."""
        if turn.kind == "caller" and overlaps(turn):
            turn.outcome = "overlapped"
        elif turn.left_s is not None:
            turn.stages = stages(turn, self._answered_s)
            told = FirstWord(turn) if turn.kind == "greeting" else AnswerHeard(turn)
            self._news.append(told)

    def _supersede(self, now: float) -> None:
        """The caller speaks, or there was a long silence: the last turn gets nothing more."""
        turn, self._turn = self._turn, None
        if turn is not None:
            self._settle(turn, now)

    def _settle(self, turn: Turn, now: float) -> None:
        """A turn that is not the last is over when nothing of it is still to come."""
        if turn is self._turn or turn not in self._open:
            return
        if any(owner is turn for owner in self._responses.values()):
            return
        if any(item.turn is turn and not item.over for item in self._items.values()):
            return
        self._over(turn, now)

    def _over(self, turn: Turn, now: float, *, call_ended: bool = False) -> None:
        self._open.remove(turn)
        turn.outcome = turn.outcome or judge(turn, now, call_ended=call_ended)
        self._news.append(TurnOver(turn))

    def _pass_time(self, now: float) -> None:
        """What was waited for since the last event."""
        passed_s, self._at_s = now - self._at_s, now
        for turn in self._open:
            if turn.waiting:
                for_tools = self._tools.keep_waiting(turn)
                what = "outage" if self._outage else "tools" if for_tools else "model"
                turn.waits_s[what] = turn.waits_s.get(what, 0.0) + passed_s

    _HANDLERS: ClassVar[Mapping[type, Callable[[TurnClock, Any, float], None]]] = {
        SpeechStarted: _on_speech_started,
        SpeechStopped: _on_speech_stopped,
        CallerIdle: _on_idle,
        ResponseStarted: _on_response_started,
        ResponseDone: _on_response_done,
        EngineInUse: _on_engine,
        EngineOutage: _on_outage,
        ModelSilent: _on_silent,
        ToolCall: _on_tool_call,
        ToolAnswered: _on_tool_answered,
        ServerTool: _on_server_tool,
        AudioBegan: _on_began,
        AudioLeft: _on_left,
        AudioPlayed: _on_played,
        Interrupted: _on_interrupted,
    }
