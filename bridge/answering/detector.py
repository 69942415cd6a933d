"""Who has answered: the other side's audio in, verdicts and beeps out. Time is the audio's.

    20 ms ─▶ level ─▶ peaks ─▶ tones ──▶ beep, fax, sit, busy, ring-back ─▶ verdict
                └────────────▶ timeline ─▶ words, pauses ─────────────────▶ verdict

The rule for speech weighs the length of what was said against the silence after it. A person says
little and waits; a machine goes on. So the silence that makes a person of it grows with the length:

    person     silence >= 0.8 s + length / 4      "Hello?": 0.9 s.  A firm's greeting of 3 s: 1.5 s
    machine    length  >= 4.4 s, and it goes on

A verdict may be followed by another one: a beep shows that it was voicemail, whatever it was taken
for before. Ring-back in the audio (of a gateway that answers before the callee does) starts
everything anew.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from sipua.bridge.answering.timeline import FRAME_MS, Timeline
from sipua.bridge.answering.tones import CNG_PERIOD_MS, Heard, ToneTracker
from sipua.bridge.answering.verdict import AnsweredBy, Beep, Cause, Finding, Verdict
from sipua.codecs.pcm import Pcm
from sipua.codecs.peaks import PeakFinder

_FRAME = 160
_AUDIBLE_DB = -45.0
"""Softer frames have no tones."""


@dataclass(frozen=True, slots=True)
class Rule:
    """Fitted to the training half of the corpus: benchmarks/answering/fit.py."""

    silence_ms: int = 800
    silence_per_s_ms: int = 250
    machine_ms: int = 4400
    no_sound_ms: int = 5000
    limit_ms: int = 20_000
    beep_within_ms: int = 60_000
    """After it, nothing is listened for any more."""


RULE: Final = Rule()
LONG_GREETING_MS: Final = 1500
RING_PAUSE_MS: Final = 4000
"""Behind the end of ring-back: it may ring again."""
_SOUNDING = 0.5
"""Share of the time in which something sounds that is no speech: music."""
_TONAL = 0.3
"""Share of the power in two frequencies: that of noise is a third of it."""
CONFIDENCE: Final[Mapping[Cause, float]] = {
    "greeting": 0.93,
    "long_greeting": 0.78,
    "long_speech": 0.98,
    "beep": 0.99,
    "sit": 0.99,
    "busy_tone": 0.99,
    "ced": 0.99,
    "cng": 0.99,
    "no_sound": 0.99,
    # Not measured: the corpus has none of these.
    "sounds": 0.6,
    "words": 0.9,
    "time": 0.5,
    "pickup": 0.6,
}
"""Share of the training calls with that cause in which the verdict was right, 0.99 at most."""


class AnswerDetector:
    """One call's, from the answer on."""

    __slots__ = (
        "_peaks",
        "_rest",
        "_rule",
        "_since_ms",
        "_sounding_ms",
        "_timeline",
        "_tones",
        "verdict",
    )

    def __init__(self, rule: Rule = RULE) -> None:
        self._rule = rule
        self._timeline = Timeline()
        self._peaks = PeakFinder()
        self._tones = ToneTracker()
        self._rest: Pcm = np.empty(0, np.int16)
        self._since_ms = 0
        """From where on silence counts: the answer, or the pause behind ring-back."""
        self._sounding_ms = 0  # tones, music
        self.verdict: Verdict | None = None
        """The last one."""

    @property
    def heard_ms(self) -> int:
        return self._timeline.now_ms

    @property
    def speaking(self) -> bool:
        return self._timeline.speaking

    @property
    def spoken_ms(self) -> int:
        """How long the other side speaks, pauses included; since the last `judge_anew`."""
        return self._timeline.span_ms

    @property
    def pause_ms(self) -> int:
        """Since the last word of what is judged; 0 before the first one."""
        return self._timeline.pause_ms

    @property
    def quiet_ms(self) -> int:
        """Since the other side's last word, or since the answer."""
        timeline = self._timeline
        since_ms = max(timeline.last_ms, self._since_ms)
        return 0 if timeline.speaking else max(0, timeline.now_ms - since_ms)

    @property
    def over(self) -> bool:
        """Nothing more can come of listening."""
        return self.heard_ms >= self._rule.beep_within_ms

    def judge_anew(self) -> None:
        """What comes from now on is judged by itself."""
        self._timeline.begin()
        self._since_ms = self._timeline.now_ms
        self._sounding_ms = 0
        self.verdict = None

    def feed(self, pcm: Pcm) -> Sequence[Finding]:
        """Audio of any length."""
        if len(pcm) == _FRAME and not len(self._rest):
            return self._frame(pcm)
        found: list[Finding] = []
        stream = np.concatenate((self._rest, pcm))
        whole = len(stream) // _FRAME * _FRAME
        for start in range(0, whole, _FRAME):
            found += self._frame(stream[start : start + _FRAME])
        self._rest = stream[whole:].copy()
        return found

    def _frame(self, frame: Pcm) -> Sequence[Finding]:
        timeline, tones = self._timeline, self._tones
        begins_ms = timeline.now_ms
        tone_since_ms = tones.began_ms
        if tone_since_ms is not None:
            timeline.withdraw(tone_since_ms)
        timeline.feed(frame, tone=tone_since_ms is not None)
        if timeline.level_db >= _AUDIBLE_DB:
            peaks = self._peaks.find(frame)
            heard = tones.feed(peaks, timeline.level_db, begins_ms)
            if not timeline.speaking and peaks.share + peaks.second_share >= _TONAL:
                self._sounding_ms += FRAME_MS
        else:
            self._peaks.skip(frame)
            heard = tones.feed(None, timeline.level_db, begins_ms)
        found: list[Finding] = []
        for one in heard:
            self._heard(one, found)
        if timeline.words:
            tones.speech_before = True
        if self.verdict is None:
            self._judge(found)
        return found

    # --- what tones say -------------------------------------------------------------------

    def _heard(self, heard: Heard, found: list[Finding]) -> None:
        match heard.meaning:
            case "beep" if self.verdict != "fax":  # whose sounds are no beeps
                found.append(Beep(round(heard.hz), heard.ms, heard.ended_ms))
                if self.verdict != "voicemail":
                    self._decide("voicemail", "beep", found)
            case "fax" if self.verdict != "fax":
                self._decide("fax", "ced" if heard.cause == "ced" else "cng", found)
            case "sit" if self.verdict is None:
                self._decide("machine", "sit", found)
            case "busy" if self.verdict is None:
                self._decide("machine", "busy_tone", found)
            case "ring" if self.verdict in (None, "silence"):
                self.judge_anew()
                self._since_ms += RING_PAUSE_MS

    # --- what speech says -----------------------------------------------------------------

    def _judge(self, found: list[Finding]) -> None:
        timeline, rule = self._timeline, self._rule
        since_ms = timeline.now_ms - self._since_ms
        if timeline.first_ms is None:
            if timeline.now_ms - self._tones.fax_called_ms < CNG_PERIOD_MS:
                return  # the second one decides
            if since_ms >= rule.no_sound_ms:
                if self._sounding_ms >= _SOUNDING * rule.no_sound_ms:
                    self._decide("machine", "sounds", found)
                else:
                    self._decide("silence", "no_sound", found)
            return
        span_ms = timeline.span_ms
        if timeline.pause_ms >= rule.silence_ms + rule.silence_per_s_ms * span_ms / 1000:
            long = span_ms > LONG_GREETING_MS
            self._decide("person", "long_greeting" if long else "greeting", found)
        elif span_ms >= rule.machine_ms and timeline.speaking:
            self._decide("machine", "long_speech", found)
        elif since_ms >= rule.limit_ms:
            self._decide("unknown", "time", found)

    def _decide(self, verdict: Verdict, cause: Cause, found: list[Finding]) -> None:
        self.verdict = verdict
        found.append(AnsweredBy(verdict, cause, self.heard_ms, CONFIDENCE[cause]))
