"""A target is briefed: it hears who waits, and takes the call or does not.

    leg b ─▶ LegListener ─▶ keys ─────▶ accepted, declined
                         ─▶ findings ─▶ voicemail
          ◀─ text, keys; or the model's own words (`PutThrough.ask`)

What comes when, `BriefingSteps` says. The caller hears nothing of it, and the model nothing of the
target: only what the model says is passed on.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from typing import Final, Literal, TypeAlias

from sipua.bridge.answering.verdict import MACHINES, AnsweredBy, Beep
from sipua.bridge.call.call_bridge import CallBridge
from sipua.bridge.call.digits import CallDigits
from sipua.bridge.call.leg import MediaLeg
from sipua.bridge.call.leg_listener import LegListener
from sipua.bridge.call.media import MediaPlan
from sipua.bridge.engine_api.events import AudioDelta, AudioDone
from sipua.bridge.events import AudioBegan, AudioPlayed, Interrupted, PlayoutNews
from sipua.bridge.fault_owner import FaultOwner, nothing
from sipua.calls.legs.briefing.steps import Act, BriefingSteps
from sipua.calls.legs.briefing.warm import Warm
from sipua.codecs.pcm import Pcm
from sipua.rtp.events import Dtmf, RtpEvent

Decision: TypeAlias = Literal[
    "begins", "briefed", "accepted", "declined", "voicemail", "excused", "text"
]
"""`text`: there is no agent that the target could talk with."""

SUMMARY: Final = (
    "A colleague has just picked up the phone to take over this caller. Tell the colleague now, in "
    "one or two short sentences, who is calling and what the caller wants. You speak to the "
    "colleague; the caller does not hear you. Ask nothing, and do not say goodbye."
)
TICK_S: Final = 0.1
ON_ITS_WAY_S: Final = 0.3
"""The last packet has left, and the other side's jitter buffer still plays it."""
_PAUSE: Final = "briefing"


class Briefing:
    """One target's, from its answer until it is joined, or its leg ends."""

    def __init__(
        self,
        leg: MediaLeg,
        warm: Warm,
        plan: MediaPlan,
        bridge: CallBridge,
        *,
        faults: FaultOwner,
        decide: Callable[[Decision, str], None],
    ) -> None:
        """`decide(decision, detail)`: what follows."""
        self._leg = leg
        self._warm = warm
        self._bridge = bridge
        self._faults = faults
        self._decide = decide
        self._loop = asyncio.get_running_loop()
        self._steps = BriefingSteps(
            self._loop.time(), by_model=warm.by == "model", by_key=warm.by_key
        )
        self._digits = CallDigits(leg.settings.dtmf)
        tones = self._digits.listens_for_tones(plan)
        self._listener = LegListener(leg.laws, tones=tones)
        self._last = ""  # the sound whose end is waited for
        self._sounds = 0
        self._briefed = self._excusing = False
        self._accepted = ""  # in these words, by what may be a machine yet
        self._timer: asyncio.TimerHandle | None = None
        self._wait(TICK_S, self._tick)

    def close(self) -> None:
        """It is silent; the leg goes on, or ends."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        self._bridge.through.asked_no_more()
        playout = self._leg.line.playout
        playout.flush()
        playout.pause(False, _PAUSE)
        self._decide = nothing

    # --- what comes of the target ---------------------------------------------------------

    def hear(self, events: Sequence[RtpEvent]) -> None:
        for news in self._listener.feed(events):
            match news:
                case Dtmf():
                    self.key(news)
                case _ if self._excusing or not self._warm.detects:
                    pass
                case Beep():
                    self._decide("voicemail", "a beep was heard")
                case AnsweredBy() if news.verdict in MACHINES or news.verdict == "fax":
                    self._decide("voicemail", f"{news.verdict}: {news.cause}")

    def key(self, key: Dtmf) -> None:
        if self._excusing or not self._digits.is_new(key, time.monotonic()):
            return
        if key.digit == self._warm.decline_key:
            self._decide("declined", f"key {key.digit}")
        elif key.digit == self._warm.accept_key and self._warm.by_key:
            self._decide("accepted", f"key {key.digit}")

    def said(self, decision: Decision, detail: str) -> None:
        """In words. A machine that says yes takes no call, so it is known first who speaks."""
        if self._excusing or (decision == "voicemail" and not self._warm.detects):
            return
        if decision == "accepted":
            self._accepted = detail
        else:
            self._decide(decision, detail)

    @property
    def _accepts(self) -> bool:
        judged = self._listener.verdict is not None or not self._warm.detects
        return bool(self._accepted) and judged

    # --- what it hears --------------------------------------------------------------------

    def sent(self, news: PlayoutNews) -> None:
        if not isinstance(news, AudioPlayed) or news.item_id != self._last:
            return
        if self._excusing:
            self._wait(ON_ITS_WAY_S, self._excused)
            return
        self._steps.heard(self._loop.time())
        if not self._briefed:
            self._briefed = True
            self._decide("briefed", "")

    def excuse(self) -> None:
        """The caller has left: the target is told so, in one sentence."""
        self._excusing = True
        self._bridge.through.asked_no_more()
        playout = self._leg.line.playout
        playout.flush()
        playout.pause(False, _PAUSE)
        self._play(self._warm.gone)

    def _excused(self) -> None:
        self._decide("excused", "")

    def _tick(self) -> None:
        if self._excusing:
            return
        self._wait(TICK_S, self._tick)
        if self._accepts:
            self._decide("accepted", self._accepted)
            return
        listener = self._listener
        act = self._steps.tick(
            self._loop.time(),
            quiet_ms=listener.quiet_ms,
            spoke=listener.spoke,
            person=not self._warm.detects or listener.verdict in ("person", "silence"),
        )
        match act:
            case Act.SPEAK:
                self._speak()
            case Act.KEYS:
                self._play(self._warm.keys)
            case Act.ASK_MODEL:
                playout = self._leg.line.playout
                playout.set_format(self._bridge.leg.line.playout.format)
                playout.pause(True, _PAUSE)
                self._bridge.through.ask(SUMMARY, self._on_model)
            case Act.LET_MODEL:
                self._decide("begins", "model")
                self._leg.line.playout.pause(False, _PAUSE)
                self._leg.line.send_now_if_idle()
            case Act.END_MODEL:
                self._model_ended()
            case Act.ACCEPT:
                self._decide("accepted", "answer")

    def _speak(self) -> None:
        self._bridge.through.asked_no_more()
        playout = self._leg.line.playout
        playout.flush()
        playout.pause(False, _PAUSE)
        self._decide("begins", "text")
        self._play(self._warm.briefing)
        if self._warm.by_key:
            self._play(self._warm.keys)

    def _play(self, pcm: Pcm) -> None:
        self._sounds += 1
        self._last = f"briefing:{self._sounds}"
        self._leg.line.playout.push_local(self._last, pcm, interruptible=True)
        self._leg.line.send_now_if_idle()

    # --- the model's words ----------------------------------------------------------------

    def _on_model(self, event: AudioDelta | AudioDone) -> None:
        self._faults.run("what the model says to the target", self._from_model, event)

    def _from_model(self, event: AudioDelta | AudioDone) -> None:
        playout, item_id = self._leg.line.playout, event.item_id
        if isinstance(event, AudioDone):
            self._bridge.through.unheard(item_id)
            if item_id == self._last:
                self._model_ended()
            return
        if not playout.knows(item_id):
            self._steps.model_began()
            self._last = item_id
            # For the record: the agent has said it, and the caller has not heard it.
            self._bridge.on_event(AudioBegan(item_id))
            self._bridge.on_event(Interrupted(item_id, 0, by="transfer"))
        playout.push(item_id, event.audio)
        self._leg.line.send_now_if_idle()

    def _model_ended(self) -> None:
        """It has said all that it may."""
        self._steps.model_ended()
        self._bridge.through.asked_no_more()
        self._leg.line.playout.end_all()
        if self._warm.by_key:
            self._play(self._warm.keys)
        self._leg.line.send_now_if_idle()

    def _wait(self, delay_s: float, then: Callable[[], None]) -> None:
        if self._timer is not None:
            self._timer.cancel()
        self._timer = self._faults.call_later(delay_s, "a briefing", then)
