"""A gate for lines that echo: is the audio that comes our own voice, on its way back?

A far side may send back what it receives, some 15 dB down and up to 400 ms late: a speakerphone, a
hybrid without an echo canceller. A voice detector takes that for the caller, and an agent that can
be interrupted interrupts itself. Nothing is subtracted here. The gate only decides, while audio of
ours can echo, whether a frame goes to a detector or is held back; it has no clock:

    unknown ─┬─ like our voice ──▶ echo     frames are held unless louder than our voice comes back
             ├─ not like it ─────▶ open     they pass, until nothing was sent for a while
             └─ we send and nothing comes, or it was never ours ──▶ clear: all pass, at once, and
                                               the gate sleeps for up to 3.2 s between two looks

"Like our voice" is a correlation of 60 to 200 ms with what left in the 450 ms before: 0.98 for an
echo, 0.2 for another voice, which by chance reaches 0.7 (of 60 ms) or 0.4 (of 200 ms) once in a
hundred times. It finds delay and gain. After that the energies decide: an echo is not louder than
the learnt gain and a margin allow. Energies alone would need a second to tell an echo from a voice;
the correlation is expensive, so it is used only in doubt.

The caller of `holds` keeps the held frames, so that those before the opening one are not lost.
"""

from __future__ import annotations

from collections import deque
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from sipua.codecs.g711 import Law, decode
from sipua.codecs.pcm import Pcm

Signal = NDArray[np.float32]
State = Literal["unknown", "echo", "clear"]

_SAMPLES_PER_MS = 8
MAX_DELAY_MS = 450
_REACH = MAX_DELAY_MS * _SAMPLES_PER_MS
HOLD_MS = 200
"""Audio that may be held until the decision."""
_WINDOW_MAX = HOLD_MS * _SAMPLES_PER_MS
_TAIL = 60 * _SAMPLES_PER_MS  # of a room, and what a jitter buffer moves
_LEAN = 20 * _SAMPLES_PER_MS
_FULL_SCALE = 32768.0**2
_AUDIBLE = _FULL_SCALE * 10**-5.0  # -50 dBFS: a quieter sound starts no detector
_LOUD = _FULL_SCALE * 10**-3.0  # -30 dBFS: our audio at this level is found in any real echo
_MARGIN = 4.0  # 6 dB
_FLOOR_FALL = 0.3  # of the distance, per frame
_FLOOR_RISE = 1.014  # per frame: 3 dB/s
_UNKNOWN = -1.0
_GAIN_MAX = 1.0  # an echo is not louder than the voice
_GAIN_FALL = 0.995  # per frame: what has been learnt fades, so that it can be learnt anew
# Scores (0 to 1) that decide for the first time, by milliseconds of doubt: (ms, our voice from,
# not our voice below).
_VERDICTS = ((60, 0.75, 0.30), (120, 0.60, 0.45), (200, 0.45, 0.45))
_ONSET_MS = 40  # louder than the echo for so long: the caller speaks
_BEFORE_ONSET_MS = 60  # a syllable may begin quieter than the echo
_HANGOVER_MS = 300  # a voice that opened keeps it open over its own pauses
_CHECK_MS, _CHECK_MAX_MS = 100, 400  # between two checks of what is held
_LIKENESS_MEMORY = 0.6  # of the score of what is held, from check to check
_UNLIKE = 0.4  # held audio that is like our voice no more than this is not our echo
_CLEAR_MS = 500  # of our loud speech without an echo
_CLEAR_VERDICTS = 3
_SLEEP_MS, _SLEEP_MAX_MS = 200, 3200  # between two looks at a clear line


class EchoGate:
    """The gate of one call. `sent` takes what leaves, `holds` what comes, in their order."""

    __slots__ = (
        "_align",
        "_asleep",
        "_audible",
        "_check_ms",
        "_checked",
        "_doubt_ms",
        "_floor",
        "_gain",
        "_in",
        "_last_sound",
        "_law",
        "_likeness",
        "_loud_over",
        "_negative",
        "_open_for",
        "_out",
        "_powers",
        "_received",
        "_received_samples",
        "_sent",
        "_silence",
        "_sleep_ms",
        "_sound_began",
        "_unanswered",
        "_watch",
        "_watch_audible",
        "checks",
        "held_ms",
        "opened",
        "release_ms",
        "state",
    )

    def __init__(self, law: Law = Law.PCMU) -> None:
        self.state: State = "unknown"
        self.checks = 0
        self.held_ms = 0
        self.opened = 0
        self.release_ms = 0
        """The end of the held audio that may be the caller's, when the gate opens."""
        self._gain = 0.0
        self._likeness = 0.0
        self._check_ms = _CHECK_MS
        self._align = 0  # received minus sent position of the same sound
        self._negative = 0
        self._sleep_ms = _SLEEP_MS
        self.set_law(law)

    def set_law(self, law: Law) -> None:
        """Set the law of what leaves from now on."""
        self._law = law
        self._silence = bytes([law.silence]) * (20 * _SAMPLES_PER_MS)
        self._out: deque[bytes] = deque()
        self._powers: deque[float] = deque()  # of those; below 0: not computed yet
        self._sent = 0  # samples in all
        self._asleep = 0  # samples that are not looked at, as the line is clear
        self._last_sound = -_REACH - _WINDOW_MAX
        self._sound_began = 0
        self._floor = 0.0
        self._audible = _AUDIBLE
        self._in: deque[Pcm] = deque()
        self._received = 0  # samples in all
        self._received_samples = 0  # in `_in`
        self._forget()
        self._align = 0
        if self.state == "echo":
            self.state = "unknown"

    @property
    def active(self) -> bool:
        """Whether to listen: if not, `passed_by` is called instead of `holds`."""
        return self._asleep <= 0 and self._sent - self._last_sound < _REACH + _TAIL

    def counters(self) -> dict[str, object]:
        gain_db = self.gain_db
        return {
            "state": self.state,
            "gain_db": None if gain_db is None else round(gain_db, 1),
            "held_ms": self.held_ms,
            "opened": self.opened,
            "checks": self.checks,
        }

    @property
    def gain_db(self) -> float | None:
        return 10 * float(np.log10(self._gain)) if self.state == "echo" and self._gain else None

    def sent(self, payload: bytes) -> None:
        """Take a frame that left."""
        self._sent += len(payload)
        if payload != self._silence and payload.count(self._law.silence) != len(payload):
            if self._sent - self._last_sound >= _REACH + _TAIL:
                self._sound_began = self._sent
            self._last_sound = self._sent
        self._out.append(payload)
        self._powers.append(_UNKNOWN)
        if len(self._out) * len(payload) > _REACH + _WINDOW_MAX:
            self._out.popleft()
            self._powers.popleft()

    def skipped(self, samples: int) -> None:
        """Take a time in which nothing left."""
        if samples:
            self.sent(bytes([self._law.silence]) * min(samples, _REACH))

    def passed_by(self, samples: int) -> None:
        """Take a frame that came while the gate was not active."""
        self._received += samples
        if self._in:
            self._forget()
            if self._asleep <= 0:  # else it is still of use: a voice must not become the floor
                self._floor = 0.0
        self._asleep = max(0, self._asleep - samples)

    def holds(self, pcm: Pcm) -> bool:
        """Take a frame that came: True to hold it back; False: it passes, with all that is held."""
        length_ms = len(pcm) // _SAMPLES_PER_MS
        self._received += len(pcm)
        self._in.append(pcm)
        self._received_samples += len(pcm)
        while self._received_samples - len(self._in[0]) >= _WINDOW_MAX:
            self._received_samples -= len(self._in.popleft())
        frame = pcm.astype(np.float32)
        power = float(frame @ frame) / max(len(pcm), 1)
        self._follow(power)
        if self.state == "echo":
            held = self._holds_echo(power, length_ms)
        elif self.state == "clear":
            held = self._check_passing(power, length_ms)
        else:
            held = self._holds_doubtful(power, length_ms)
        if held:
            self.held_ms += length_ms
        return held

    def _forget(self) -> None:
        """Forget what came: it is not continuous with what comes next."""
        self._in.clear()
        self._received_samples = 0
        self._doubt_ms = self._loud_over = self._open_for = 0
        self._checked = self._unanswered = self._watch = self._watch_audible = 0

    def _follow(self, power: float) -> None:
        """Follow the room's noise, or a voice that was there before ours: down at once, up slowly,
        so that an echo or a voice that begins stands out for seconds."""
        if not self._floor:
            self._floor = power
        elif power < self._floor:
            self._floor += _FLOOR_FALL * (power - self._floor)
        else:
            self._floor = min(power, self._floor * _FLOOR_RISE)
        self._audible = max(_AUDIBLE, self._floor * _MARGIN)

    # --- not known yet --------------------------------------------------------------------

    def _holds_doubtful(self, power: float, length_ms: int) -> bool:
        if power < self._audible:
            self._open_for = max(0, self._open_for - length_ms)
            self._notice_silence(length_ms)
            # A pause within what is in doubt is in doubt.
            if self._doubt_ms:
                self._doubt_ms += length_ms
                return self._decide()
            return False
        self._unanswered = 0
        if self._open_for:
            self._open_for = _HANGOVER_MS
            return False
        self._doubt_ms += length_ms
        return self._decide()

    def _decide(self) -> bool:
        for wait_ms, us, others in _VERDICTS:
            if self._doubt_ms < wait_ms:
                return True
            if self._doubt_ms >= wait_ms + 20 and wait_ms != _VERDICTS[-1][0]:
                continue  # compared already
            score, align, gain = self._compare(wait_ms)
            if score >= us:
                self._learn(align, gain)
                return True
            if score < others:
                break
            if wait_ms != _VERDICTS[-1][0]:
                return True
        self._open(self._doubt_ms)
        self._doubt_ms = 0
        # An echo that is late may not have been there yet.
        self._negative += self._sent - self._sound_began > _REACH
        if self._negative >= _CLEAR_VERDICTS:
            self.state = "clear"
        return False

    def _notice_silence(self, length_ms: int) -> None:
        """Clear the line when our loud speech had the time to come back, and did not."""
        if self._power_sent(self._sent - _REACH, length_ms * _SAMPLES_PER_MS) >= _LOUD:
            self._unanswered += length_ms
            if self._unanswered >= _CLEAR_MS:
                self.state = "clear"

    # --- it echoes ------------------------------------------------------------------------

    def _holds_echo(self, power: float, length_ms: int) -> bool:
        end = self._received - self._align
        span = length_ms * _SAMPLES_PER_MS + _TAIL + _LEAN
        ours = self._power_sent(end - span + _LEAN, span)
        louder = power > max(ours * self._gain * _MARGIN, self._audible)
        if self._open_for:
            self._open_for = _HANGOVER_MS if louder else self._open_for - length_ms
            return self._open_for <= 0
        self._gain *= _GAIN_FALL
        if louder:
            self._loud_over += length_ms
            if self._loud_over < _ONSET_MS:
                return True
            score, align, gain = self._compare(60)
            if score >= _VERDICTS[0][1]:
                self._learn(align, gain)  # our voice after all: the delay has changed, or the gain
                return True
            self._open(_ONSET_MS + _BEFORE_ONSET_MS)
            return False
        self._loud_over = 0
        if power >= self._audible:
            self._checked += length_ms
            if self._checked >= self._check_ms:
                return self._check_held()
        return True

    def _check_held(self) -> bool:
        """Whether the held audio is still our voice."""
        self._checked = 0
        score, align, gain = self._compare(_CHECK_MS)
        self._likeness += (1 - _LIKENESS_MEMORY) * (score - self._likeness)
        if score >= _VERDICTS[1][1]:
            self._learn(align, gain)
            self._check_ms = min(2 * self._check_ms, _CHECK_MAX_MS)
            return True
        self._check_ms = _CHECK_MS
        if self._likeness >= _UNLIKE:
            return True
        self.state = "unknown"
        self._negative = 0
        self._open(HOLD_MS)
        return False

    def _learn(self, align: int, gain: float) -> None:
        known = self.state == "echo" and abs(align - self._align) < _LEAN
        self._gain = min(max(gain, self._gain if known else 0.0), _GAIN_MAX)
        self._likeness = self._likeness if known else 1.0
        self._check_ms = self._check_ms if known else _CHECK_MS
        self.state, self._align = "echo", align
        self._doubt_ms = self._loud_over = self._checked = self._negative = 0

    # --- it does not ----------------------------------------------------------------------

    def _check_passing(self, power: float, length_ms: int) -> bool:
        """Compare now and then, hold nothing: a call may be transferred to a phone that echoes.

        Between two looks the gate is asleep, and a frame costs it nothing.
        """
        self._watch += length_ms
        if power >= self._audible:
            self._watch_audible += length_ms
        if self._watch < HOLD_MS:
            return False
        if self._watch_audible >= HOLD_MS // 2:
            score, align, gain = self._compare(HOLD_MS)
            if score >= _VERDICTS[1][1]:
                self._learn(align, gain)
                self._sleep_ms = _SLEEP_MS
                return False
        self._asleep = self._sleep_ms * _SAMPLES_PER_MS
        self._sleep_ms = min(2 * self._sleep_ms, _SLEEP_MAX_MS)
        return False

    # --- the sound itself -----------------------------------------------------------------

    def _open(self, release_ms: int) -> None:
        self.opened += 1
        self.release_ms = release_ms
        self._open_for = _HANGOVER_MS
        self._loud_over = self._checked = 0

    def _compare(self, length_ms: int) -> tuple[float, int, float]:
        """How much the last of what came is like audio that left; where, and how loud."""
        self.checks += 1
        received = np.concatenate(self._in)[-length_ms * _SAMPLES_PER_MS :].astype(np.float32)
        codes = b"".join(self._out)[-_REACH - len(received) :]
        sent = decode(self._law, codes).astype(np.float32)
        if len(sent) <= len(received):
            return 0.0, 0, 0.0
        # Differences: voices have most of their power where they differ least.
        return _best_match(np.diff(received), np.diff(sent), self._received - self._sent)

    def _power_sent(self, start: int, samples: int) -> float:
        """The loudest frame of what left between two positions, as power."""
        behind = self._sent - start  # samples from there to the end
        loudest = 0.0
        position = 0
        for at in range(len(self._out) - 1, -1, -1):
            length = len(self._out[at])
            if position >= behind:
                break
            position += length  # this one's start, counted from the end
            if position > behind - samples:
                power = self._powers[at]
                if power < 0:
                    frame = decode(self._law, self._out[at]).astype(np.float32)
                    power = self._powers[at] = float(frame @ frame) / length
                loudest = max(loudest, power)
        return loudest


def _best_match(received: Signal, sent: Signal, ahead: int) -> tuple[float, int, float]:
    """Score, received minus sent position, and power gain at the best lag. Ends are aligned."""
    size = 1 << (len(sent) + len(received)).bit_length() - 1
    size = size if size >= len(sent) else 2 * size
    spectrum = np.fft.rfft(sent, size) * np.conj(np.fft.rfft(received, size))
    products = np.abs(np.fft.irfft(spectrum, size)[: len(sent) - len(received) + 1])
    energy = np.concatenate((np.zeros(1), np.cumsum(sent * sent, dtype=np.float64)))
    energy = energy[len(received) :] - energy[: -len(received)]
    own = float(received @ received)
    # Audio of hardly any power has no audible echo.
    norms = np.sqrt(np.maximum(energy, max(1e-3 * float(energy.max()), 1.0)) * max(own, 1.0))
    scores = products / norms
    best = int(np.argmax(scores))
    lag = len(sent) - len(received) - best
    gain = own / max(float(energy[best]), 1.0)
    return float(scores[best]), ahead + lag, gain
