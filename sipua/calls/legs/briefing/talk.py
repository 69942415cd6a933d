"""A target talks with an agent of its own before it has the caller.

    leg b ─▶ CallBridge ─▶ a session of its own ─▶ CallBridge ─▶ leg b
                 ├─ keys, findings ──▶ accepted, declined, voicemail
                 └─ tool calls ──────▶ accepted, declined

The bridge is one of leg `b` alone, and none of its events are the call's: so the caller's agent
does not hear the target, the caller hears neither, and no record takes the target for the caller.
What comes when, `TalkSteps` says.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from typing import Final

from sipua.bridge.answering.detector import AnswerDetector
from sipua.bridge.answering.verdict import MACHINES, AnsweredBy, Beep
from sipua.bridge.call.call_bridge import CallBridge
from sipua.bridge.engine_api.errors import EngineConnectError
from sipua.bridge.engine_api.events import ResponseDone, ToolCall, Used
from sipua.bridge.events import AudioBegan, AudioPlayed, BridgeEvent, EngineGone, EngineInUse
from sipua.bridge.fault_owner import FaultOwner, nothing
from sipua.calls.legs.briefing import consultation
from sipua.calls.legs.briefing.briefing import ON_ITS_WAY_S, TICK_S, Decision
from sipua.calls.legs.briefing.talk_steps import AGENT_BEGINS_S, TalkAct, TalkSteps
from sipua.calls.legs.briefing.warm import Warm
from sipua.codecs.pcm import Pcm
from sipua.rtp.events import Dtmf

UNKNOWN_TOOL: Final = '{"error": "There is no such tool."}'


class Talk:
    """One target's, from its answer until it is joined, its leg ends, or there is no agent."""

    def __init__(
        self,
        bridge: CallBridge,
        warm: Warm,
        *,
        faults: FaultOwner,
        decide: Callable[[Decision, str], None],
        used: Callable[[Used], None],
    ) -> None:
        """`bridge`: of the target's leg, open. `decide(decision, detail)`: what follows; `text`:
        the target is to hear the text. `used`: told what the session costs."""
        self._bridge = bridge
        self._warm = warm
        self._faults = faults
        self._decide = decide
        self._used = used
        self._loop = asyncio.get_running_loop()
        self._steps = TalkSteps(self._loop.time())
        self._detector = AnswerDetector()
        self._ready = self._told = False
        self._reason = ""
        self._engine = ""
        self._excuse = ""  # the sound whose end is waited for
        self._timer: asyncio.TimerHandle | None = None
        bridge.on_event = self._on_event
        self._stop_listening: Callable[[], None] = bridge.screen.listen(self._hear)
        self._connecting = faults.task(self._connect(), "the agent of a target")
        self._wait(TICK_S, self._tick)

    def close(self) -> None:
        """The agent is silent, and hears nothing more; its session is the owner's to end."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._connecting.cancel()
        self._decide = nothing
        bridge = self._bridge
        self._stop_listening()
        self._stop_listening = nothing
        bridge.set_aside(True)
        bridge.on_event = nothing

    # --- what comes of the target ---------------------------------------------------------

    def key(self, key: Dtmf) -> None:
        """Told by signalling."""
        self._bridge.told(key)

    def _hear(self, pcm: Pcm) -> None:
        for news in self._detector.feed(pcm):
            if self._excuse or not self._warm.detects:
                continue
            match news:
                case Beep():
                    self._decide("voicemail", "a beep was heard")
                case AnsweredBy() if news.verdict in MACHINES or news.verdict == "fax":
                    self._decide("voicemail", f"{news.verdict}: {news.cause}")

    @property
    def _by_a_person(self) -> bool:
        """Somebody has spoken, and machines are hung up on."""
        detector = self._detector
        judged = detector.verdict is not None and detector.spoken_ms > 0
        return judged or not self._warm.detects

    def _pressed(self, digit: str) -> None:
        if digit == self._warm.decline_key:
            self._decide("declined", f"key {digit}")
        elif digit == self._warm.accept_key and self._warm.by_key:
            self._decide("accepted", f"key {digit}")

    # --- what comes of the agent ----------------------------------------------------------

    async def _connect(self) -> None:
        with suppress(EngineConnectError):
            await self._bridge.connect(AGENT_BEGINS_S)
            return
        self._act(self._steps.give_up())

    def _on_event(self, event: BridgeEvent) -> None:
        match event:
            case EngineInUse():
                self._ready = True
                self._engine = event.engine
            case EngineGone():
                self._act(self._steps.give_up())
            case AudioBegan():
                self._steps.began()
                if not self._told:
                    self._told = True
                    self._decide("begins", "agent")
            case ToolCall():
                self._called(event)
            case Dtmf() if not self._excuse:
                self._pressed(event.digit)
            case AudioPlayed() if self._excuse and event.item_id == self._excuse:
                self._wait(ON_ITS_WAY_S, self._excused)
            case Used():  # what it costs is the call's
                self._used(replace(event, engine=event.engine or self._engine))
            case ResponseDone() if event.usage is not None:
                self._used(Used(event.usage, "briefing", self._engine))

    def _called(self, call: ToolCall) -> None:
        decided = consultation.decision(call)
        if decided is None:
            self._bridge.tool_result(call.call_id, UNKNOWN_TOOL)
            return
        what, self._reason = decided
        self._steps.decide(what, self._loop.time())
        self._bridge.tool_result(call.call_id, '{"done": true}', respond=False)

    # --- what is due ----------------------------------------------------------------------

    def _tick(self) -> None:
        self._wait(TICK_S, self._tick)
        detector, bridge = self._detector, self._bridge
        self._act(
            self._steps.tick(
                self._loop.time(),
                quiet_ms=detector.quiet_ms,
                spoke=detector.spoken_ms > 0,
                person=self._by_a_person,
                ready=self._ready,
                owes=bridge.turns.model_owes,
                speaking=bridge.speaking,
            )
        )

    def _act(self, act: TalkAct | None) -> None:
        match act:
            case TalkAct.OPEN:
                self._bridge.speak(consultation.OPENING)
            case TalkAct.TEXT:
                self._decide("text", "")
            case TalkAct.ACCEPT:
                self._decide("accepted", "agent")
            case TalkAct.DECLINE:
                self._decide("declined", f"agent: {self._reason}" if self._reason else "agent")

    # --- the caller has left --------------------------------------------------------------

    def excuse(self) -> None:
        """The target is told so, in one sentence."""
        bridge = self._bridge
        bridge.set_aside(True)
        self._excuse = bridge.play("gone", self._warm.gone)
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None

    def _excused(self) -> None:
        self._decide("excused", "")

    def _wait(self, delay_s: float, then: Callable[[], None]) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = self._faults.call_later(delay_s, "a briefing", then)
