"""Listens to who answers a call that we place, and does what `Steps` decides.

    INVITE ─▶ closed: what is to be said waits, the engine hears silence
    answer ─▶ every 20 ms of the other side ─▶ AnswerDetector ─▶ Steps ─▶ open, message, hang up

Early media is not listened to: what is heard before the answer is the network. When the engine is
lost, the call's fallback speaks, and this gives way to it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import asdict, replace
from typing import Any, Final, Protocol

from sipua.bridge.answering import words
from sipua.bridge.answering.detector import CONFIDENCE, AnswerDetector
from sipua.bridge.answering.verdict import MACHINES, AnsweredBy, Beep, Finding, Verdict
from sipua.bridge.call.call_bridge import CallBridge
from sipua.bridge.engine_api.events import Transcript
from sipua.bridge.events import AudioLeft, AudioPlayed, BridgeEvent
from sipua.bridge.fault_owner import nothing
from sipua.bridge.playout import sounds
from sipua.calls.answering.policy import AnsweringPolicy
from sipua.calls.answering.steps import Act, Steps
from sipua.codecs.pcm import Pcm
from sipua.events import call_events
from sipua.events.ending import Reason
from sipua.events.event import Event

SAY: Final = (
    "You are leaving a message on a voicemail system. Say the following now, word for word, and "
    "nothing else before or after it:\n\n"
)
TOLD: Final[dict[Verdict, str]] = {
    "person": "A person has answered the call after all.",
    "machine": "A machine has answered the call: voicemail, call screening or a menu. Listen to "
    "what it says before you speak. If it asks for a message, leave a short one after the tone.",
    "voicemail": "A voicemail system has answered the call. Leave a short message, and end the "
    "call.",
    "screening": "A screening service has answered the call. Say who is calling and why, and wait "
    "for the person.",
    "menu": "An automatic menu has answered the call.",
}
LONGEST_MESSAGE_S: Final = 120.0
_ON_ITS_WAY_S: Final = 0.3
"""The last packet of the message has left, and is still on its way."""
_POLL_S: Final = 0.04


class WatchedCall(Protocol):
    """What this needs of a call."""

    bridge: CallBridge
    confirmed: asyncio.Event
    answered_by: dict[str, Any] | None

    @property
    def over(self) -> bool: ...

    @property
    def engine_missed(self) -> bool: ...

    def tell(self, event: Event) -> None: ...

    def subscribe(self, listener: Callable[[BridgeEvent, float], None]) -> Callable[[], None]: ...

    def hang_up(self, reason: Reason, detail: str, status: int = 0) -> None: ...


class AnswerWatch:
    """One call's."""

    def __init__(
        self, call: WatchedCall, policy: AnsweringPolicy, greet: Callable[[bool], None]
    ) -> None:
        """`greet(person)`: makes the agent speak, where its greeting does not wait already;
        `person`: one has spoken, and waits for an answer."""
        self._call = call
        self._policy = policy
        self._greet = greet
        self._steps = Steps(policy)
        self._detector = AnswerDetector()
        self._loop = asyncio.get_running_loop()
        self._verdict: Verdict | None = None
        self._spoken = False  # the agent was let speak
        self._dropped = False  # its greeting, for a machine
        self._item = ""  # the message, where it is a sound of ours
        self._left = False  # its first packet
        self._played_s: float | None = None  # when its last one had left
        self._began_s = 0.0

    async def run(self) -> None:
        """From the beginning of the call until nothing more is to be found out."""
        bridge = self._call.bridge
        bridge.screen.hold(True)
        bridge.screen.mute(True)
        end = self._call.subscribe(self._on_event)
        stop: Callable[[], None] = nothing
        try:
            await self._call.confirmed.wait()
            stop = bridge.screen.listen(self._hear)
            while self._goes_on():
                await asyncio.sleep(_POLL_S)
                self._tick()
        finally:
            end()
            stop()
            if self._steps.state != "over":
                self._open()

    def _goes_on(self) -> bool:
        if self._call.over or self._call.engine_missed:
            return False
        if self._steps.state in ("waiting", "message"):
            return True
        return self._steps.state != "over" and not self._detector.over

    def _hear(self, pcm: Pcm) -> None:
        for finding in self._detector.feed(pcm):
            self._found(finding)

    def _tick(self) -> None:
        now, detector = self._loop.time(), self._detector
        if self._steps.state == "message" and self._message_is_over(now):
            self._do(self._steps.message_left())
            return
        quiet_ms, spoken_ms = detector.quiet_ms, detector.spoken_ms
        self._do(self._steps.tick(now, quiet_ms=quiet_ms, spoken_ms=spoken_ms))

    def _on_event(self, event: BridgeEvent, now: float) -> None:
        match event:
            case AudioLeft():
                self._left = True
            case AudioPlayed() if self._left and self._item in ("", event.item_id):
                self._played_s = now
            case Transcript(role="user", final=True) if self._call.confirmed.is_set():
                kind = words.kind_of(event.text)
                if kind is not None and self._believes_words:
                    at_ms = self._detector.heard_ms
                    self._found(AnsweredBy(kind, "words", at_ms, CONFIDENCE["words"]))

    @property
    def _believes_words(self) -> bool:
        """A person may say such words, too: then they end no call."""
        return self._verdict != "person" or self._policy.on_voicemail == "agent"

    # --- what is found, and what follows ---------------------------------------------------

    def _found(self, finding: Finding) -> None:
        if isinstance(finding, Beep):
            beep = call_events.Beep(hz=finding.hz, duration_ms=finding.ms, at_ms=finding.at_ms)
            self._call.tell(beep)
        elif self._is_news(finding.verdict):
            if finding.verdict == "person" and self._steps.state == "message":
                finding = replace(finding, cause="pickup", confidence=CONFIDENCE["pickup"])
            self._verdict = finding.verdict
            self._call.answered_by = asdict(finding)
            self._call.tell(call_events.AnsweredBy(**asdict(finding)))
        else:
            return
        self._do(self._steps.found(finding, self._loop.time()))

    def _is_news(self, verdict: Verdict) -> bool:
        """Beside the first one: what is more exact, or shows that the first one was wrong."""
        before = self._verdict
        if before is None:
            return True
        if verdict == "person":
            return self._steps.state == "message"
        if verdict == "machine":
            return before not in MACHINES
        return verdict not in ("silence", "unknown", before)

    def _do(self, act: Act | None) -> None:
        bridge = self._call.bridge
        match act:
            case Act.SPEAK:
                self._let_speak(person=False)
            case Act.PERSON:
                self._stop_message("person")
                self._let_speak(person=True)
            case Act.AGENT:
                if not self._spoken:
                    bridge.interrupt("operator")  # the greeting was for a person
                self._spoken = True
                self._tell_model()
                self._open()
            case Act.PREPARE:
                bridge.screen.hold(True)
                bridge.screen.mute(True)
                bridge.interrupt("operator")
                self._dropped = True
                self._prepare()
            case Act.MESSAGE:
                self._begin_message()
            case Act.STOP:
                self._stop_message("speech")
                self._prepare()
            case Act.HANG_UP:
                self._hang_up()

    def _let_speak(self, *, person: bool) -> None:
        self._open()
        if self._dropped:
            self._tell_model()
            self._call.bridge.speak()
        elif not self._spoken:
            self._greet(person)
        self._spoken, self._dropped = True, False

    def _open(self) -> None:
        self._call.bridge.screen.mute(False)
        self._call.bridge.screen.hold(False)

    def _tell_model(self) -> None:
        text = TOLD.get(self._verdict or "unknown")
        if text and self._call.bridge.capabilities.inject:
            self._call.bridge.inject("system", text, respond=False)

    def _hang_up(self) -> None:
        left = self._played_s is not None
        if left:
            self._tell_message("left")
        else:
            self._call.bridge.interrupt("operator")
        what = "a fax machine" if self._verdict == "fax" else "a machine"
        detail = f"{what} has answered" + (", and has a message" if left else "")
        self._call.hang_up(Reason.MACHINE, detail)

    # --- the message ------------------------------------------------------------------------

    def _prepare(self) -> None:
        """What the engine says waits in the playout, so that it leaves with the beep."""
        if not self._policy.message:
            self._call.bridge.speak(SAY + self._policy.text)

    def _begin_message(self) -> None:
        bridge = self._call.bridge
        if self._began_s and self._left:  # it has begun before, and begins again
            bridge.interrupt("operator")
            self._prepare()
        self._left, self._played_s = False, None
        self._began_s = self._loop.time()
        self._detector.judge_anew()
        self._tell_message("began")
        bridge.screen.hold(False)
        if self._policy.message:
            pcm = sounds.named(self._policy.message)
            self._item = bridge.play("message", pcm, interruptible=True)

    def _stop_message(self, by: str) -> None:
        if not self._began_s:
            return
        bridge = self._call.bridge
        bridge.screen.hold(True)
        bridge.interrupt("operator")
        self._began_s, self._item = 0.0, ""
        self._left, self._played_s = False, None
        self._tell_message("stopped", by)

    def _message_is_over(self, now: float) -> bool:
        if now - self._began_s >= LONGEST_MESSAGE_S:
            return True
        return self._played_s is not None and now - self._played_s >= _ON_ITS_WAY_S

    def _tell_message(self, state: str, by: str | None = None) -> None:
        after = self._steps.after if state == "began" else None
        if self._call.answered_by is not None:
            self._call.answered_by["message"] = state
        self._call.tell(call_events.Message(state=state, after=after, by=by))
