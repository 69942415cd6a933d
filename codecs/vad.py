"""Voice detection by energy, with the parameters and the positions of the vendor's server_vad.

The level of each 20 ms frame is compared with two limits, and must pass both:

- an absolute one, from `threshold`: -70 dBFS at 0, -45 dBFS at the default 0.5, -20 dBFS at 1;
- a margin above the noise floor: 6 dB at 0, 12 dB at 0.5, 18 dB at 1. The floor follows a falling
  level at once and a rising one at 3 dB/s (2 dB/s during speech), so that a steady hum is
  speech for some seconds and noise afterwards.

60 ms of sound, clicks discounted, start a turn; `silence_duration_ms` without any end it. Within a
turn the limit is 4 dB lower, so that soft word endings do not cut it. `audio_start_ms` includes the
prefix padding and `audio_end_ms` the silence, as the vendor's do.
"""

import math
from dataclasses import dataclass

import numpy as np

from sipua.codecs.pcm import Pcm

FRAME_MS = 20
ONSET_FRAMES = 3
HYSTERESIS_DB = 4.0
FLOOR_RISE_DB = 3.0 * FRAME_MS / 1000
FLOOR_RISE_IN_SPEECH_DB = 2.0 * FRAME_MS / 1000
FLOOR_FALL = 0.3  # of the distance, per frame
FLOOR_START_DBFS = -60.0
FLOOR_MIN_DBFS = -80.0
FLOOR_MAX_DBFS = -35.0  # whatever the noise, a loud voice is detected
_FULL_SCALE_DB = 20 * math.log10(32768.0)


@dataclass(frozen=True, slots=True)
class VadConfig:
    threshold: float = 0.5
    prefix_padding_ms: int = 300
    silence_duration_ms: int = 500


@dataclass(frozen=True, slots=True)
class SpeechStarted:
    audio_start_ms: int


@dataclass(frozen=True, slots=True)
class SpeechStopped:
    audio_end_ms: int


VadEvent = SpeechStarted | SpeechStopped


class EnergyVad:
    """The detector of one session; it takes audio of any length. Positions start at `start_ms`."""

    __slots__ = (
        "_absolute_db",
        "_config",
        "_earliest_ms",
        "_floor_db",
        "_frame_samples",
        "_margin_db",
        "_ones",
        "_position_ms",
        "_quiet_frames",
        "_remainder",
        "_run",
        "_run_start_ms",
        "_silence_frames",
        "speaking",
    )

    def __init__(self, config: VadConfig, rate: int, start_ms: float = 0.0) -> None:
        self._config = config
        self._absolute_db = -70.0 + 50.0 * config.threshold
        self._margin_db = 6.0 + 12.0 * config.threshold
        self._silence_frames = max(1, math.ceil(config.silence_duration_ms / FRAME_MS))
        self._frame_samples = rate * FRAME_MS // 1000
        self._ones = np.ones(self._frame_samples, np.float32)
        self._remainder: Pcm = np.empty(0, np.int16)
        self._position_ms = start_ms  # start of the next frame
        self._earliest_ms = start_ms  # no turn reaches back into the one before it
        self._floor_db = FLOOR_START_DBFS
        self._run = 0
        self._run_start_ms = start_ms
        self._quiet_frames = 0
        self.speaking = False

    def feed(self, pcm: Pcm) -> list[VadEvent]:
        if self._remainder.size:
            pcm = np.concatenate((self._remainder, pcm))
            self._remainder = self._remainder[:0]
        events: list[VadEvent] = []
        samples = self._frame_samples
        if pcm.size == samples:  # the usual append: one 20 ms frame
            frame = pcm.astype(np.float32)
            self._frame(float(frame @ frame), float(self._ones @ frame), events)
            return events
        count = pcm.size // samples
        if count * samples < pcm.size:
            self._remainder = pcm[count * samples :].copy()
        frames = pcm[: count * samples].reshape(count, samples).astype(np.float32)
        squares = np.einsum("ij,ij->i", frames, frames).tolist()
        for square, total in zip(squares, (frames @ self._ones).tolist(), strict=True):
            self._frame(square, total, events)
        return events

    def end_turn(self) -> None:
        """The buffer was committed or cleared: the audio so far belongs to no later turn."""
        self.speaking = False
        self._run = 0
        self._earliest_ms = self._position_ms

    def _frame(self, square: float, total: float, events: list[VadEvent]) -> None:
        mean = total / self._frame_samples
        power = square / self._frame_samples - mean * mean  # without the line's DC offset
        level_db = 10.0 * math.log10(power) - _FULL_SCALE_DB if power > 1e-3 else -120.0
        bar_db = max(self._absolute_db, self._floor_db + self._margin_db)
        active = level_db >= (bar_db - HYSTERESIS_DB if self.speaking else bar_db)
        self._follow(level_db)
        start_ms = self._position_ms
        self._position_ms += FRAME_MS
        if self.speaking:
            self._quiet_frames = 0 if active else self._quiet_frames + 1
            if self._quiet_frames >= self._silence_frames:
                self.end_turn()
                events.append(SpeechStopped(int(self._position_ms)))
            return
        if not active:
            self._run = max(0, self._run - 1)
            return
        if not self._run:
            self._run_start_ms = start_ms
        self._run += 1
        if self._run >= ONSET_FRAMES:
            self.speaking = True
            self._quiet_frames = 0
            padded_ms = self._run_start_ms - self._config.prefix_padding_ms
            events.append(SpeechStarted(int(max(padded_ms, self._earliest_ms))))

    def _follow(self, level_db: float) -> None:
        distance_db = level_db - self._floor_db
        if distance_db < 0:
            self._floor_db += FLOOR_FALL * distance_db
        else:
            rise_db = FLOOR_RISE_IN_SPEECH_DB if self.speaking else FLOOR_RISE_DB
            self._floor_db += min(distance_db, rise_db)
        self._floor_db = min(max(self._floor_db, FLOOR_MIN_DBFS), FLOOR_MAX_DBFS)
