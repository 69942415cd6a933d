"""Digits that we send: one after the other, as telephone events or, without those, as tones.

    pressed ──► [digit: tone_ms] ──► [pause: gap_ms] ──► next digit …      audio waits meanwhile

Time goes by in the frames of the call's cadence, so timestamps stay contiguous: an event takes the
place of as many frames of audio as it lasts, and the audio goes on behind the last pause.
"""

from collections import deque

import numpy as np

from sipua.codecs import dtmf as tones
from sipua.codecs.pcm import Pcm
from sipua.rtp.dtmf import DIGITS, DtmfSender, EventPacket

_SAMPLES_PER_MS = 8
MAX_QUEUED = 64


class DtmfQueue:
    """One call's. While `active`, `advance` says what each frame's time holds."""

    __slots__ = (
        "_event",
        "_gap",
        "_gap_ms",
        "_queue",
        "_tone",
        "_tone_ms",
        "overflow",
        "sent",
        "sent_inband",
    )

    def __init__(self, *, tone_ms: int = 100, gap_ms: int = 100) -> None:
        self._tone_ms = tone_ms
        self._gap_ms = gap_ms
        self._queue: deque[str] = deque()
        self._event: DtmfSender | None = None
        self._tone: Pcm = np.zeros(0, np.int16)
        self._gap = 0
        self.sent = 0
        self.sent_inband = 0
        self.overflow = 0

    @property
    def active(self) -> bool:
        return bool(self._queue or self._event or self._gap or len(self._tone))

    def press(self, digits: str) -> None:
        """Raises ValueError, and presses nothing, if one of them is on no keypad."""
        keys = digits.upper()
        if wrong := sorted(set(keys) - set(DIGITS)):
            raise ValueError(f"{''.join(wrong)!r} is on no keypad: use {DIGITS}")
        room = MAX_QUEUED - len(self._queue)
        self.overflow += len(keys[room:])
        self._queue.extend(keys[:room])

    def advance(self, passed: int, frame: int, *, by_event: bool) -> EventPacket | Pcm:
        """`passed` samples go by, of which the last `frame` are sent: an event, or audio."""
        if self._event is None and not len(self._tone) and not self._gap:
            self._begin(by_event)
        if self._event is not None:
            packet = self._event.advance(passed)
            if self._event.over:
                # The end's repetitions are part of the pause already.
                self._gap = max(0, self._gap - 2 * frame)
                self._event = None
            return packet
        if len(self._tone):
            piece, self._tone = self._tone[:frame], self._tone[frame:]
            return np.pad(piece, (0, frame - len(piece)))
        self._gap = max(0, self._gap - passed)
        return np.zeros(frame, np.int16)

    def counters(self) -> dict[str, int]:
        return {"sent": self.sent, "sent_inband": self.sent_inband, "overflow": self.overflow}

    def _begin(self, by_event: bool) -> None:
        digit = self._queue.popleft()
        self._gap = self._gap_ms * _SAMPLES_PER_MS
        self.sent += 1
        if by_event:
            self._event = DtmfSender(digit, self._tone_ms)
        else:
            self.sent_inband += 1
            self._tone = tones.tone(digit, self._tone_ms * _SAMPLES_PER_MS)
