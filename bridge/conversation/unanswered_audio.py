"""What the caller said last, kept for the next session: a ring of µ-law on the call's own time.

A lost session had heard words that it did not answer, and what was said while there was no session
was not heard at all. Both are kept here. Engines count audio from their session's begin;
`base_ms` is where that lies on the call's time, which is the audio that was ever appended. Whether
the engine hears the caller speak is `TurnState`'s; here is where that began.

Audio is kept as it came and converted half a second at a time: what a phone sends has nothing above
4 kHz, so that of audio at 24 kHz every third sample is all of it, with no filter, and µ-law holds
it in a sixth of the memory. What the engine has judged goes: as a turn it is the history's.
"""

from __future__ import annotations

from collections import deque
from typing import Final

import numpy as np

from sipua.bridge.engine_api.settings import AudioFormat
from sipua.bridge.turns.state import TurnState
from sipua.codecs.g711 import Law, decode, encode, transcoding_table
from sipua.codecs.resample import RATE_HZ, upsampler

_CODES_PER_MS: Final = RATE_HZ // 1000
# Of what the engine has judged: the next turn may begin there, by so much is it padded at most.
_BEFORE_JUDGED_MS: Final = 5000
_BLOCK_MS: Final = 500
_PCMA_TO_PCMU: Final = transcoding_table(Law.PCMA, Law.PCMU)
_PCMU_TO_PCMA: Final = transcoding_table(Law.PCMU, Law.PCMA)

_LOOK_MS: Final = 20
# Loud enough to be a word and not the line's noise: about -36 dB below full scale, for 60 ms.
_AUDIBLE_RMS: Final = 500.0
_AUDIBLE_LOOKS: Final = 3
# A word begins more softly than it goes on.
_BEFORE_AUDIBLE_MS: Final = 300


class UnansweredAudio:
    def __init__(self, keep_s: float, turns: TurnState) -> None:
        self._turns = turns
        self._keep = int(keep_s * 1000) * _CODES_PER_MS
        self._format = AudioFormat.PCM16
        self._raw: list[bytes] = []
        self._raw_bytes = 0
        self._block_bytes = _BLOCK_MS * self._format.bytes_per_ms
        self._blocks: deque[bytes] = deque()
        self._held = 0
        self._end = 0  # codes ever settled
        self._base_ms = 0
        self._turn_from_ms = 0  # while the engine hears the caller
        self._heard_to_ms = 0

    def append(self, audio: bytes) -> None:
        """What the caller sends, in the session's format."""
        self._raw.append(audio)
        self._raw_bytes += len(audio)
        if self._raw_bytes >= self._block_bytes:
            self._settle()

    @property
    def now_ms(self) -> int:
        """The call's time: all the audio that there ever was."""
        return self._end // _CODES_PER_MS + self._raw_bytes // self._format.bytes_per_ms

    @property
    def held_bytes(self) -> int:
        return self._held + self._raw_bytes

    def began(self, audio_start_ms: int) -> None:
        """The engine heard the caller begin, on its own time."""
        self._turn_from_ms = self._base_ms + audio_start_ms

    def ended(self, audio_end_ms: int) -> bytes:
        """It heard the caller end: the turn as µ-law. What follows belongs to the next one.

        To be called before the turn state hears of the end: a turn has its beginning only so long.
        """
        end_ms = min(self._base_ms + audio_end_ms, self.now_ms)
        start_ms = self._turn_from_ms if self._turns.engine_hears else self._heard_to_ms
        self._heard_to_ms = end_ms
        return self._cut(start_ms, end_ms)

    def alive(self) -> None:
        """The engine said something: what it had heard a second ago, it has judged."""
        judged_ms = self.now_ms - 1000
        if not self._turns.engine_hears and judged_ms > self._heard_to_ms:
            self._heard_to_ms = judged_ms

    def unheard(self) -> bytes:
        """For the next session, as µ-law: a turn that has not ended; else what was audible."""
        if self._turns.engine_hears:
            return self._cut(self._turn_from_ms, self.now_ms)
        return _from_first_word(self._cut(self._heard_to_ms, self.now_ms))

    def next_session(self, audio_format: AudioFormat, carried: bytes) -> bytes:
        """A session begins, and its time with what is `carried` to it: that, in its format."""
        self._settle()
        self._format = audio_format
        self._block_bytes = _BLOCK_MS * audio_format.bytes_per_ms
        self._base_ms = self.now_ms - len(carried) // _CODES_PER_MS
        self._heard_to_ms = self._base_ms
        return from_mulaw(carried, audio_format)

    def _settle(self) -> None:
        if not self._raw:
            return
        audio = b"".join(self._raw)
        self._raw.clear()
        self._raw_bytes = 0
        if self._format is AudioFormat.PCMA:
            audio = audio.translate(_PCMA_TO_PCMU)
        elif self._format is not AudioFormat.PCMU:
            samples = np.frombuffer(audio, "<i2", len(audio) // 2)
            audio = encode(Law.PCMU, samples[:: self._format.rate_hz // RATE_HZ])
        self._blocks.append(audio)
        self._held += len(audio)
        self._end += len(audio)
        keep = min(self._keep, self._end - self._needed_from_ms * _CODES_PER_MS)
        while self._blocks and self._held - len(self._blocks[0]) >= keep:
            self._held -= len(self._blocks.popleft())

    @property
    def _needed_from_ms(self) -> int:
        """Older audio is the history's, as a turn, or was judged to be none."""
        if self._turns.engine_hears:
            return self._turn_from_ms
        return self._heard_to_ms - _BEFORE_JUDGED_MS

    def _cut(self, start_ms: int, end_ms: int) -> bytes:
        """What is still held of it."""
        self._settle()
        first = self._end - self._held
        start = max(start_ms * _CODES_PER_MS - first, 0, self._held - self._keep)
        end = end_ms * _CODES_PER_MS - first
        return b"".join(self._blocks)[start:end] if end > start else b""


def from_mulaw(mulaw: bytes, audio_format: AudioFormat) -> bytes:
    if audio_format is AudioFormat.PCMU:
        return mulaw
    if audio_format is AudioFormat.PCMA:
        return mulaw.translate(_PCMU_TO_PCMA)
    pcm = upsampler(audio_format.rate_hz).process(decode(Law.PCMU, mulaw))
    return pcm.astype("<i2").tobytes()


def _from_first_word(mulaw: bytes) -> bytes:
    """From a little before the first sound that could be a word; empty if there is none."""
    size = _LOOK_MS * _CODES_PER_MS
    looks = len(mulaw) // size
    if not looks:
        return b""
    pcm = decode(Law.PCMU, mulaw[: looks * size]).reshape(looks, size).astype(np.float32)
    audible = np.sqrt(np.mean(pcm * pcm, axis=1)) >= _AUDIBLE_RMS
    runs = np.convolve(audible, np.ones(_AUDIBLE_LOOKS), "valid") == _AUDIBLE_LOOKS
    if not runs.any():
        return b""
    start = int(np.argmax(runs)) * size - _BEFORE_AUDIBLE_MS * _CODES_PER_MS
    return mulaw[max(start, 0) :]
