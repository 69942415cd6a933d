"""Listens to the target of a call that we place: its keys, and who it is. Sans-IO.

RtpEvent ─▶ keys: events, or tones where the peer has no telephone events
         ─▶ AnswerDetector: person, machine, beep
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Final

import numpy as np

from sipua.bridge.answering.detector import AnswerDetector
from sipua.bridge.answering.verdict import Finding, Verdict
from sipua.codecs.dtmf import DtmfDetector
from sipua.codecs.g711 import Law, decode
from sipua.codecs.pcm import Pcm
from sipua.rtp.events import Dtmf, Frame, Lost, RtpEvent, Silence

LONGEST_GAP: Final = 8000
"""Samples of silence that are made in the place of what did not come."""


class LegListener:
    def __init__(self, laws: Mapping[int, Law], *, tones: bool) -> None:
        """`laws`: of what is received, by payload type. `tones`: keys may come as such."""
        self._laws = laws
        self._tones = DtmfDetector() if tones else None
        self._detector = AnswerDetector()

    @property
    def verdict(self) -> Verdict | None:
        return self._detector.verdict

    @property
    def quiet_ms(self) -> int:
        """Since its last word, or since the answer."""
        return self._detector.quiet_ms

    @property
    def spoke(self) -> bool:
        return self._detector.spoken_ms > 0

    def feed(self, events: Sequence[RtpEvent]) -> Iterator[Dtmf | Finding]:
        for event in events:
            match event:
                case Frame():
                    law = self._laws.get(event.payload_type)
                    if law is not None:
                        yield from self._hear(decode(law, event.payload))
                case Lost() | Silence():
                    yield from self._hear(np.zeros(min(event.samples, LONGEST_GAP), np.int16))
                case Dtmf():
                    yield event

    def _hear(self, pcm: Pcm) -> Iterator[Dtmf | Finding]:
        if self._tones is not None:
            for digit, duration_ms in self._tones.feed(pcm):
                yield Dtmf(digit, duration_ms, inband=True)
        yield from self._detector.feed(pcm)
