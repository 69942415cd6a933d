"""A call's conversation with an engine, over as many sessions as it takes.

    connect ─▶ searching ─▶ talking ──lost──▶ searching ─▶ talking …     (EngineOutage, EngineInUse)
                   │           └─ aged ─▶ the next one connects ─▶ talking          (rotated)
                   └─ no choice left, or no time ─▶ EngineConnectError at first, EngineGone later

What is decided is decided elsewhere, without a clock: whom to try and when (`recovery`), what to do
about a silent model (`response_watchdog`), what the next session is told (`history`) and given to
hear (`unanswered_audio`). Here the `TurnState` is told what the engine does, sessions are made and
let go, and one timer looks at the rest.
"""

from __future__ import annotations

import asyncio
import random as chance
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from typing import Final

import structlog
from structlog.typing import FilteringBoundLogger

from sipua.bridge.conversation.alarm import NEVER, Alarm
from sipua.bridge.conversation.engine_order import Attempts
from sipua.bridge.conversation.engine_search import EngineSearch
from sipua.bridge.conversation.history import History
from sipua.bridge.conversation.interface import ConversationEvent
from sipua.bridge.conversation.outage import Outages
from sipua.bridge.conversation.policy import DialoguePolicy
from sipua.bridge.conversation.response_watchdog import Ask, ResponseWatchdog, Silent
from sipua.bridge.conversation.rotation import Rotation, SessionRotation
from sipua.bridge.conversation.sessions import (
    EngineChoice,
    MakeSession,
    PooledSession,
    SessionPool,
    Why,
    engine_session,
)
from sipua.bridge.conversation.unanswered_audio import UnansweredAudio
from sipua.bridge.engine_api.errors import EngineConnectError
from sipua.bridge.engine_api.events import (
    AudioDelta,
    EngineFault,
    EngineLost,
    Event,
    ResponseDone,
    SessionEnds,
    SessionHandle,
    SessionReady,
    SpeechStarted,
    SpeechStopped,
    Used,
)
from sipua.bridge.engine_api.settings import InjectedRole, Past
from sipua.bridge.events import EngineGone, EngineOutage, ModelSilent
from sipua.bridge.fault_owner import FaultOwner, nothing
from sipua.bridge.turns.state import TurnState

# A session that has lived so long was no mistake, even without speech.
_PROVEN_S: Final = 10.0
# How long a session is given to notice speech in what it was given to catch up on.
_SETTLE_S: Final = 0.5
# How often a quiet moment is looked for, once one is needed.
_LOOK_S: Final = 0.1


class Dialogue:
    """See `Conversation` for what each method promises."""

    def __init__(
        self,
        choices: Sequence[EngineChoice],
        *,
        policy: DialoguePolicy,
        on_event: Callable[[ConversationEvent], None],
        turns: TurnState,
        call_id: str = "",
        make_session: MakeSession = engine_session,
        random: Callable[[], float] = chance.random,
        faults: FaultOwner | None = None,
    ) -> None:
        """`turns`, `faults`: the call's."""
        if not choices:
            raise ValueError("a dialogue needs an engine")
        self._policy = policy
        self._on_event = on_event
        self._turns = turns
        self._random = random
        self._log: FilteringBoundLogger = structlog.get_logger("sipua.engine").bind(call_id=call_id)
        self._history = History(policy)
        self._faults = faults = faults or FaultOwner()
        make = partial(make_session, call_id=call_id, faults=faults)
        self._pool = SessionPool(
            choices, self._history, self._on_session, make, log=self._log, faults=faults
        )
        self._tally = self._pool.tally
        self._search = EngineSearch(self._pool)
        self._caller = UnansweredAudio(policy.caller_audio_s, turns)
        self._outages = Outages(policy, [choice.connect_timeout_s for choice in choices], random)
        self._watchdog = ResponseWatchdog(policy, random, turns)
        self._rotation = Rotation(policy, random)
        self._successor = SessionRotation(self._pool, self._rotation)
        self._pooled: PooledSession | None = None  # in use
        self._last: PooledSession | None = None
        self._bridge_at = self._look_at = NEVER
        self._alarm = Alarm(faults, self._look)
        self._recovering: asyncio.Task[None] | None = None
        self._over = False

    # What the call asks for

    @property
    def session_id(self) -> str:
        return self._last.session.session_id if self._last else ""

    async def connect(self, timeout_s: float) -> None:
        self._loop = asyncio.get_running_loop()
        await self._search.find(self._outages.first(self._loop.time(), timeout_s))

    def append(self, audio: bytes) -> None:
        self._caller.append(audio)
        if (pooled := self._pooled) is not None:
            pooled.session.append(audio)

    def speak(self, instructions: str | None = None) -> None:
        if (pooled := self._pooled) is None:
            self._outages.owed, self._outages.instructions = True, instructions
            return
        if pooled.asks:  # else it is an agent of its own, and begins by itself
            self._models_turn(instructions)  # first: if the session fails, the next one is asked
            pooled.session.speak(instructions)

    def truncate(self, item_id: str, audio_end_ms: int) -> None:
        self._history.truncated(item_id, audio_end_ms)
        if self._pooled is not None:
            self._pooled.truncate(item_id, audio_end_ms)

    def cancel(self) -> None:
        self._turns.cancelled()
        self._watchdog.callers_turn()
        if self._pooled is not None:
            self._pooled.session.cancel()

    def tool_result(self, call_id: str, output: str, *, respond: bool = True) -> None:
        self._history.tool_returned(call_id, output)
        if (pooled := self._pooled) is None:
            self._tally["results_in_outage"] += 1
            self._outages.owed |= respond
            return
        if call_id in pooled.running and not pooled.resumes:
            self._tally["results_unknown_to_session"] += 1
            return
        if respond and pooled.asks:
            self._models_turn()
        pooled.tool_result(call_id, output, respond=respond)

    def inject(self, role: InjectedRole, text: str, *, respond: bool) -> None:
        self._history.injected(role, text)
        if (pooled := self._pooled) is None:
            self._outages.owed |= respond
            return
        if respond and pooled.asks:
            self._models_turn()
        pooled.session.inject(role, text, respond=respond)

    def digit(self, key: str, duration_ms: int) -> None:
        if self._pooled is not None:
            self._pooled.session.digit(key, duration_ms)

    def marked(self, name: str, *, played: bool) -> None:
        if self._pooled is not None:
            self._pooled.marked(name, played=played)

    def past(self) -> Sequence[Past]:
        return self._history.past()

    async def close(self) -> None:
        if self._over:
            return
        self._over = True
        self._alarm.end()
        if self._recovering is not None:
            self._recovering.cancel()
            await asyncio.gather(self._recovering, return_exceptions=True)
        self._successor.drop()
        if self._pooled is not None:
            self._pool.retire(self._pooled)
        await self._pool.close()
        self._pooled, self._on_event = None, nothing

    def counters(self) -> dict[str, int]:
        """Of all sessions together, and what became of them, by cause."""
        sessions = self._pool.counters(self._pooled)
        return {**sessions, **self._tally, "history_trimmed": self._history.trimmed}

    # Sessions come

    def _adopt(self, pooled: PooledSession, why: Why) -> None:
        """From now on the call talks with this session."""
        now = self._loop.time()
        gap_ms = self._outages.over(now)
        self._search.take()
        self._pooled = self._last = pooled
        pooled.since_s = now
        self._rotation.began(now - pooled.waited_s, by_age=pooled.asks)
        self._look_at = self._rotation.due
        self._history.next_session()
        catch_up = self._caller.next_session(pooled.session.hears, self._caller.unheard())
        self._turns.session_began()
        owed, self._outages.owed = self._outages.owed and pooled.asks, False
        news = pooled.in_use(why, gap_ms, len(catch_up), speaks=owed)
        self._tally.update(
            [why], outage_ms=gap_ms, restored=news.restored, caught_up_ms=news.caught_up_ms
        )
        self._on_event(news)
        if self._pooled is not pooled:
            return  # the listener of the event ended it
        pooled.catch_up(catch_up, self._history)
        if self._pooled is not pooled:
            self._outages.owed |= owed
        elif owed and catch_up:
            # If that was the caller's turn the engine answers by itself, and must not be asked.
            self._bridge_at = now + _SETTLE_S
        elif owed:
            self._bridge()
        self._arm()

    def _bridge(self) -> None:
        """The model goes on, after a word about the interruption if there was something to it."""
        self._bridge_at = NEVER
        asked, self._outages.instructions = self._outages.instructions, None
        if self._pooled is not None:
            phrase = "" if asked and not self._history.past() else self._policy.phrase
            self._models_turn(asked)
            self._pooled.session.speak("\n\n".join(filter(None, (phrase, asked))) or None)

    # Sessions go

    def _lost(self, cause: str, *, again: bool = True, unanswered: bool = False) -> None:
        """The session in use is no use any more. `again`: the same engine may make another."""
        pooled, self._pooled = self._pooled, None
        assert pooled is not None
        now = self._loop.time()
        proven = self._watchdog.proven or now - pooled.since_s >= _PROVEN_S
        self._outages.owed = self._turns.model_owes or self._bridge_at != NEVER
        self._outages.instructions = self._watchdog.instructions or self._outages.instructions
        attempts = self._outages.began(
            now, pooled.choice, cause, proven=proven, again=again, unanswered=unanswered
        )
        self._turns.session_ended()
        self._watchdog.session_ended()
        self._rotation.ended()
        self._bridge_at = self._look_at = NEVER
        self._history.broken_off()
        self._pool.retire(pooled, hangs=unanswered)
        self._successor.drop()
        self._tally["outages"] += 1
        self._on_event(EngineOutage(pooled.engine, cause))
        if not self._over:
            self._recovering = self._faults.task(self._recover(attempts), "engine recovery")

    async def _recover(self, attempts: Attempts) -> None:
        try:
            await self._search.find(attempts)
        except EngineConnectError as error:
            self._tally["gone"] += 1
            name = self._last.engine if self._last else ""
            self._on_event(EngineGone(name, f"{self._outages.cause}; {error.message}"))

    # What sessions say

    def _on_session(self, pooled: PooledSession, event: Event) -> None:
        if pooled is not self._pooled or self._over:
            self._on_other(pooled, event)
            return
        if type(event) is AudioDelta:
            length_ms = len(event.audio) / pooled.session.speaks.bytes_per_ms
            self._history.audio(event.item_id, length_ms)
            self._turns.sign_of_life(self._loop.time())
            self._watchdog.sign()
            self._caller.alive()
            self._on_event(event)
            return
        if isinstance(event, EngineLost):
            self._tally[f"lost_{event.code or 'fault'}"] += 1
            # A fault comes again where the same is said again: not for ever with one engine.
            self._lost(event.cause, again=event.retryable, unanswered=event.fault)
            return
        self._caller.alive()
        ends = self._follow(pooled, event)
        if not isinstance(event, SessionReady | SessionHandle | SessionEnds):  # these are ours
            self._on_event(event)
        if ends and self._pooled is pooled:
            self._lost(ends, unanswered=isinstance(event, ResponseDone))
        self._arm()

    def _on_other(self, pooled: PooledSession, event: Event) -> None:
        """From a session that is not in use, not yet or no more."""
        if isinstance(event, Used):  # it cost what it cost
            self._on_event(replace(event, engine=pooled.engine))
        elif pooled is self._search.candidate and isinstance(event, SessionReady):
            why: Why = "first"
            if self._last is not None:
                why = "reconnected" if self._last.choice == pooled.choice else "fallback"
            self._adopt(pooled, why)
        elif isinstance(event, EngineLost):
            self._successor.lost(pooled, self._loop.time())

    def _follow(self, pooled: PooledSession, event: Event) -> str:
        """Keep history and turns; why the session is no use any more, if so."""
        now = self._loop.time()
        self._history.follow(event)
        if isinstance(event, SpeechStopped):
            self._history.caller_said(event.item_id, self._caller.ended(event.audio_end_ms))
        self._turns.follow(event, now)
        self._watchdog.follow(event)
        match event:
            case SessionEnds():
                self._rotation.ends(now, event.within_s)
                self._look_at = self._rotation.due
            case SpeechStarted():
                self._caller.began(event.audio_start_ms)
                self._bridge_at = NEVER
            case SpeechStopped() if pooled.session.capabilities.takes_turns:
                self._models_turn()
            case ResponseDone():
                return self._response_done(event, now)
            case EngineFault(fatal=True):
                self._tally[f"lost_{event.code}"] += 1
                return f"{event.code}: {event.message}"
        return ""

    def _response_done(self, event: ResponseDone, now: float) -> str:
        if event.status == "failed":
            self._tally["responses_failed"] += 1
            self._log.warning("engine.response_failed", detail=event.detail)
        elif event.status != "cancelled":
            self._outages.answered()
        if self._watchdog.done(event.status, now):
            return ""
        self._tally["lost_responses_failed"] += 1
        return f"responses fail: {event.detail}"

    # What is due

    def _models_turn(self, instructions: str | None = None) -> None:
        self._turns.asked(self._loop.time())
        self._watchdog.asked(instructions)
        self._arm()

    def _arm(self) -> None:
        self._alarm.by(min(self._watchdog.due, self._bridge_at, self._look_at))

    def _look(self) -> None:
        pooled, now = self._pooled, self._loop.time()
        if pooled is None or self._over:
            return
        if now >= self._bridge_at:
            self._bridge()
        match self._watchdog.check(now):
            case Ask(instructions=instructions):
                self._tally["asked_again"] += 1
                self.speak(instructions)
            case Silent() as silent:
                self._model_silent(pooled, silent)
        if now >= self._look_at:
            self._rotate(now)
        self._arm()

    def _model_silent(self, pooled: PooledSession, silent: Silent) -> None:
        waited_ms, action = silent.waited_ms, silent.action
        self._tally[f"silent_{action}"] += 1
        instructions = self._watchdog.instructions
        self._on_event(ModelSilent(waited_ms, action))
        if self._pooled is not pooled or action == "waiting":
            return
        if action == "nudged":
            pooled.session.cancel()  # a response that hangs stands in the way of the next one
            self.speak(instructions)
        else:
            self._tally["lost_silent"] += 1
            self._lost(f"the model was silent for {waited_ms} ms", unanswered=True)

    def _rotate(self, now: float) -> None:
        """The session is old: find a moment in which another one can take its place."""
        pooled = self._pooled
        self._look_at = max(now + _LOOK_S, self._rotation.due)
        if pooled is None or now < self._rotation.due or self._turns.model_owes:
            return
        calm = self._rotation.urgent(now) or self._turns.turn == "idle"
        if self._pool.goes_on(pooled):
            if calm:
                self._lost("its time is over, and the next session goes on with it")
            return
        if successor := self._successor.step(now, pooled.choice, self._history.revision, calm=calm):
            self._pool.retire(pooled)
            self._adopt(successor, "rotated")
