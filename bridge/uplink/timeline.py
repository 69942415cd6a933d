"""From a phone's RTP events to the engine's audio: conceal, convert, keep the time.

What the audio becomes on the way is `Encoder`'s, what of it is the caller `EchoHold`'s.

The engine's timeline is the audio it was given. It must follow real time: its voice detection
measures pauses in it. So next to the audio itself this file accounts for time:

    Frame     is fed. It is real audio and is never withheld, up to `max_ahead_ms`.
    Lost      is concealed: the sender's clock went on.
    Silence   is fed as silence: the sender's clock went on.
    a pause   (nothing came for `pause_ms` longer than a packet takes) is fed as silence while it
              lasts, at real time less `pause_ms`, so that the server's voice detection can end
              the turn. The first 100 ms of it are a concealment, which fades.
    Comfort   noise (RFC 3389) announces a pause: it is fed as silence from its first frame on, with
              nothing to conceal and no `pause_ms` to wait. As silence, and not as noise of the
              level that it names: noise is for ears, that take silence for a dead line. Voice
              detection takes it for quiet speech, or learns a floor that the caller's next word
              breaks through later; zeros it never does.

Right after a pause its cause is not known. If the sender's clock went on (DTX, loss), Lost and
Silence events tell it, for the whole pause; what was fed during it is taken off them. If the clock
stood still (hold), no such event comes and what was fed was right. If the network had only stalled,
the audio comes after all, in a burst, and the engine is ahead of real time by what was fed: the
surplus is taken off later silences and never off audio. In the other direction, time that was
missed is made up in the next pause. `max_ahead_ms` also bounds what a peer can make the engine
hear (and bill) that sends faster than real time; `max_behind_ms` is for one that sends too slowly.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from sipua.bridge.engine_api.settings import AudioFormat
from sipua.bridge.uplink.echo_hold import EchoHold
from sipua.bridge.uplink.encoder import Encoder, encoder_for
from sipua.codecs.dtmf import DtmfDetector
from sipua.codecs.g711 import Law, decode
from sipua.rtp.events import ComfortNoise, Dtmf, Frame, Lost, RtpEvent, Silence

_RATE_HZ = 8000
_SAMPLES_PER_MS = 8
_QUANTUM = 160  # silence goes out in whole frames of 20 ms: the resampler's fast path
_SILENCE_FRAME = np.zeros(_QUANTUM, np.int16)
# Make-up per tick. Small, because after a stall of this process the tick may run before the
# sockets are read, and what waits there is the real audio for the same time.
_CATCH_UP = 2 * _QUANTUM
# A surplus up to this much is jitter and stays; above it, silences are shortened.
_SURPLUS_KEPT = 60 * _SAMPLES_PER_MS
# A surplus from which on a pause is not fed any more until real time has caught up.
_SURPLUS_IN_PAUSE = 500 * _SAMPLES_PER_MS
# After a comfort noise packet nothing is waited for but a packet that is a little late.
_ANNOUNCED_PAUSE_S = 0.02
_NEVER = float("inf")

STATIC_LAWS: Mapping[int, Law] = {law.payload_type: law for law in Law}


class Uplink:
    """One call's audio towards the engine, as it hears it: PCM16 at 24 kHz until told otherwise."""

    __slots__ = (
        "_concealed",
        "_detector",
        "_dropped",
        "_encoder_for",
        "_fed",
        "_feed",
        "_frame_s",
        "_in_pause",
        "_last_frame_s",
        "_laws",
        "_max_ahead",
        "_max_behind",
        "_pause_announced",
        "_pause_s",
        "_silence_fed",
        "_started_s",
        "_tick_due_s",
        "_unknown_payloads",
        "_withheld",
        "digits",
        "echo_hold",
    )

    def __init__(
        self,
        laws: Mapping[int, Law] = STATIC_LAWS,
        *,
        pause_ms: int = 60,
        max_ahead_ms: int = 5000,
        max_behind_ms: int = 1000,
        encoder_for: Callable[[AudioFormat], Encoder[Any]] = encoder_for,
    ) -> None:
        self._laws = laws
        self._pause_s = pause_ms / 1000
        self._max_ahead = max_ahead_ms * _SAMPLES_PER_MS
        self._max_behind = max_behind_ms * _SAMPLES_PER_MS
        self._encoder_for = encoder_for
        self._feed = encoder_for(AudioFormat.PCM16)
        self.echo_hold = EchoHold()
        self._detector: DtmfDetector | None = None
        self.digits: list[Dtmf] = []
        """Heard since `take_digits` was called."""
        self._pause_announced = False
        self._started_s: float | None = None
        self._last_frame_s = 0.0
        self._frame_s = 0.0
        self._tick_due_s = _NEVER
        self._fed = 0
        self._in_pause = 0  # fed by ticks since the last frame
        self._concealed = 0
        self._silence_fed = 0
        self._withheld = 0
        self._dropped = 0
        self._unknown_payloads = 0

    def feed(self, events: Sequence[RtpEvent], now: float) -> list[bytes]:
        """Audio for the engine out of what the RTP session said."""
        out: list[bytes] = []
        for event in events:
            if isinstance(event, Frame):
                self._feed_frame(event, now, out)
            elif self._started_s is None:
                continue
            elif isinstance(event, Lost):
                self._feed_lost(event.samples, now, out)
            elif isinstance(event, Silence):
                self._feed_silence(event.samples, now, out)
            elif isinstance(event, ComfortNoise):
                self._pause_announced = True
                self._tick_due_s = min(self._tick_due_s, now)
        return out

    def begin(self, now: float) -> None:
        """Silence from now on until the first frame, for an engine that is to hear without a gap
        who says nothing. It does nothing when there were frames."""
        if self._started_s is None:
            self._started_s = self._last_frame_s = self._tick_due_s = now
            self._pause_announced = True

    def set_format(self, audio_format: AudioFormat) -> None:
        """What the engine, from now on this one, wants. What was on the way to another is gone."""
        self._feed = self._encoder_for(audio_format)
        self._fed -= self.echo_hold.held_samples
        self.echo_hold.drop()

    def detect_tones(self, wanted: bool) -> None:
        """Whether digits are looked for in the audio: only if the peer cannot tell them."""
        if not wanted:
            self._detector = None
        elif self._detector is None:
            self._detector = DtmfDetector()

    def take_digits(self) -> Sequence[Dtmf]:
        if not self.digits:
            return ()
        digits, self.digits = self.digits, []
        return digits

    def tick(self, now: float, *, holding: bool = False) -> Sequence[bytes]:
        """To be called about every 20 ms. `holding`: packets came but wait behind a gap."""
        if now < self._tick_due_s or holding:
            return ()
        ahead = self._ahead(now)
        pause_s = _ANNOUNCED_PAUSE_S if self._pause_announced else self._pause_s
        if now < self._last_frame_s + self._frame_s + pause_s:
            missing = -ahead - self._max_behind
        else:
            allowance = pause_s * _RATE_HZ
            missing = (now - self._last_frame_s) * _RATE_HZ - self._in_pause - allowance
            missing = max(missing, -ahead - allowance)
            missing = min(missing, _SURPLUS_IN_PAUSE - ahead)
        samples = min(int(missing), _CATCH_UP) // _QUANTUM * _QUANTUM
        if samples <= 0:
            return ()
        self._in_pause += samples
        self._silence_fed += samples
        out: list[bytes] = []
        if self._detector is not None:
            self._hear(self._detector.lost(samples))
        for _ in range(samples // _QUANTUM):
            if self._pause_announced:
                self._append(self._feed.silence(_QUANTUM), out)
            else:
                self._append(self._feed.lost(_QUANTUM), out)
        return out

    @property
    def fed_ms(self) -> int:
        """All audio so far, silence included."""
        return (self._fed - self.echo_hold.held_samples) // _SAMPLES_PER_MS

    def counters(self) -> dict[str, int]:
        return {
            "fed_ms": self.fed_ms,
            "concealed_ms": self._concealed // _SAMPLES_PER_MS,
            "silence_fed_ms": self._silence_fed // _SAMPLES_PER_MS,
            "silence_withheld_ms": self._withheld // _SAMPLES_PER_MS,
            "dropped_ms": self._dropped // _SAMPLES_PER_MS,
            "unknown_payloads": self._unknown_payloads,
        }

    def _ahead(self, now: float) -> float:
        """Samples fed beyond real time."""
        assert self._started_s is not None
        return self._fed - (now - self._started_s) * _RATE_HZ

    def _append(self, piece: Any, out: list[bytes]) -> None:
        self._fed += len(piece)
        if self.echo_hold.plain:
            out.append(self._feed.finish(piece))
        else:
            self.echo_hold.hear(piece, self._feed, out)

    def _feed_frame(self, frame: Frame, now: float, out: list[bytes]) -> None:
        law = self._laws.get(frame.payload_type)
        samples = len(frame.payload)
        if law is None or not samples:
            self._unknown_payloads += 1
            return
        frame_s = samples / _RATE_HZ
        if self._detector is not None:
            self._hear(self._detector.feed(decode(law, frame.payload)))
        if self._started_s is None:
            self._started_s = now - frame_s
        fed = self._fed + samples
        if fed - (now - self._started_s) * _RATE_HZ > self._max_ahead:
            self._dropped += samples
        else:
            self._append(self._feed.frame(law, frame.payload), out)
        self._in_pause = 0
        self._pause_announced = False
        self._last_frame_s = now
        self._frame_s = frame_s
        due_s = now + frame_s + self._pause_s
        behind_s = self._started_s + (self._fed + self._max_behind) / _RATE_HZ
        self._tick_due_s = due_s if due_s < behind_s else behind_s  # noqa: FURB136 - no call

    def _hear(self, digits: Sequence[tuple[str, int]]) -> None:
        for digit, duration_ms in digits:
            self.digits.append(Dtmf(digit, duration_ms, inband=True))

    def _feed_lost(self, samples: int, now: float, out: list[bytes]) -> None:
        if self._detector is not None:
            self._hear(self._detector.lost(samples))
        samples = self._not_yet_fed(samples, now, self._max_ahead)
        if samples:
            self._concealed += samples
            self._append(self._feed.lost(samples), out)

    def _feed_silence(self, samples: int, now: float, out: list[bytes]) -> None:
        if self._detector is not None:
            self._hear(self._detector.feed(_SILENCE_FRAME))
        samples = self._not_yet_fed(samples, now, _SURPLUS_KEPT)
        self._silence_fed += samples
        for start in range(0, samples, _QUANTUM):
            self._append(self._feed.silence(min(_QUANTUM, samples - start)), out)

    def _not_yet_fed(self, samples: int, now: float, max_ahead: int) -> int:
        """Less what the pause has had already, and what would lead too far ahead of real time."""
        paid = min(samples, self._in_pause)
        self._in_pause -= paid
        room = int(max_ahead - self._ahead(now))
        remaining = max(0, min(samples - paid, room))
        self._withheld += samples - remaining
        return remaining
