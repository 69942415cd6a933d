"""What the caller hears of us, and when each frame of it leaves.

    AudioDelta ─▶ PlayoutQueue ─┐
    play, fill ─▶ PlayoutQueue ─┼─▶ Cadence (when, by the Pacer) ─▶ RtpSession ─▶ socket
    press ──────▶ DtmfQueue ────┘        └─ AudioLeft, AudioPlayed, MarkReached: what is on the wire

On hold the frames' time goes by unused, and what was to be said waits. While keys are pressed
their events, or tones, take the place of audio.

A step is a tick, or a frame that leaves at once because audio came. Its order is a promise:

    1  `on_tick`, of a tick only: what must be cut now is cut before the frame leaves
    2  the frame goes to the socket
    3  `on_frame`: the echo gate knows what the caller hears
    4  the deadline of the next frame is settled
    5  `on_news`: of an item first AudioLeft, then AudioPlayed; of several, as their frames left;
       behind them MarkReached, where a mark stood behind the frame

While the line is lent (`lend`, to a joint) there are no ticks of ours: `relay` sends a frame when
the other leg's packet is there. The stream stays the same: its timestamps go by with the relayed
samples, and what the clock says beyond them is left out where a relayed timeline begins, or where
our own frames go on. Keys take the line for their time; what is to be relayed meanwhile is dropped.

So who hears news may ask anything of the sender: its step is over. If that makes another step (a
sound is played), the news of that one comes behind all news of the one before. News does not wait
for the next frame: not on hold either.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final, Protocol

from sipua.bridge.events import PlayoutNews
from sipua.bridge.fault_owner import FaultOwner, nothing
from sipua.bridge.playout.cadence import Cadence, Departure
from sipua.bridge.playout.dtmf_queue import DtmfQueue
from sipua.bridge.playout.pacer import Handle, Pacer
from sipua.bridge.playout.queue import PlayoutQueue
from sipua.codecs.g711 import Law, encode
from sipua.rtp.dtmf import EventPacket
from sipua.rtp.session.session import RtpSession

LENT_TICK_S: Final = 1.0
"""Between two looks at the clock while the line is lent."""


class Outlet(Protocol):
    """By which frames leave: the transport, or what stands before it."""

    def send(self, payload: bytes, samples: int, marker: bool = False) -> bool: ...

    def send_event(self, event: EventPacket) -> bool: ...


class PlayoutSender:
    """One leg's. `start` may come before or after `open`: speaking begins when both have."""

    def __init__(
        self,
        pacer: Pacer,
        *,
        frame_ms: int,
        on_news: Callable[[PlayoutNews], None],
        on_tick: Callable[[float], None],
        on_frame: Callable[[bytes, int], None],
        faults: FaultOwner,
        make_playout: Callable[..., PlayoutQueue] = PlayoutQueue,
    ) -> None:
        """`on_tick`: every 20 ms, before a frame leaves, whether one does or not. `on_frame`: what
        left, and samples' time that went by before it unused."""
        self.playout = make_playout(Law.PCMU, frame_ms=frame_ms)
        self.dtmf = DtmfQueue()
        self.on_hold = False
        self._pacer = pacer
        self._frame_ms = frame_ms
        self._frame_samples = frame_ms * 8
        self._on_news = on_news
        self._on_tick = on_tick
        self._on_frame = on_frame
        self._faults = faults
        self.law = Law.PCMU
        self.lent = False
        self._aligned = False
        """Whether what is relayed follows what was sent last."""
        self._owed = 0
        """Samples of time that went by since the line was lent and were not sent."""
        self._pressing = False
        self.relay_dropped = 0
        self._by_event = False
        self._rtp: RtpSession | None = None
        self._transport: Outlet | None = None
        self._cadence: Cadence | None = None
        self._ticking: Handle | None = None
        self._started_at: float | None = None
        self._first_audio_at: float | None = None
        self._telling = False

    def open(
        self, rtp: RtpSession, transport: Outlet, law: Law, *, by_event: bool, on_hold: bool
    ) -> None:
        """The first agreement on media, and each later one."""
        self._rtp, self._transport = rtp, transport
        self.law, self._by_event, self.on_hold = law, by_event, on_hold
        self.playout.set_law(law)
        self._begin()

    def leave_by(self, transport: Outlet) -> None:
        """By this one, from the next frame on."""
        self._transport = transport

    def start(self) -> None:
        """The ACK is in; before that, when the caller is to hear us while it rings."""
        self._started_at, self._first_audio_at = time.monotonic(), None
        self._begin()

    def close(self) -> None:
        if self._ticking is not None:
            self._ticking.cancel()
            self._ticking = None
        self._on_news = self._on_tick = self._on_frame = nothing

    def send_now_if_idle(self) -> None:
        """Audio came; if nothing was being said, its first packet does not wait for a tick. Or a
        mark came, or an item's end: what is news already is told."""
        cadence = self._cadence
        waits = self.lent or self.on_hold or self.dtmf.active
        if cadence is not None and self._ticking is not None and not waits:
            departure = cadence.wake(time.monotonic())
            if departure is not None:
                self._depart(departure)
            self._ticking.reschedule(cadence.due)
        if self.playout.news:
            self._tell()

    def press(self, digits: str) -> None:
        """Raises ValueError: no such key."""
        self.dtmf.press(digits)
        if self.lent and self._ticking is not None:
            self._ticking.reschedule(time.monotonic())

    # --- the line is lent -----------------------------------------------------------------

    def lend(self) -> None:
        if not self.lent:
            self.lent, self._aligned, self._owed = True, False, 0

    def take_back(self) -> None:
        if self.lent:
            self._align()
            self.lent = False
            if self._ticking is not None and self._cadence is not None:
                self._ticking.reschedule(self._cadence.due)

    def relay(self, payload: bytes, samples: int, marker: bool) -> None:
        if self._transport is None or not self.lent or self.on_hold or self.dtmf.active:
            self.relay_dropped += 1
            self._aligned = False
            return
        if not self._aligned:
            self._align()
            self._aligned = marker = True
        self._owed -= samples
        self._transport.send(payload, samples, marker)

    def relay_gap(self, samples: int, packets: int) -> None:
        if self._aligned and self._rtp is not None:
            self._owed -= samples
            self._rtp.skip(samples, packets)

    def realign(self) -> None:
        self._aligned = False

    def _align(self) -> None:
        """Leave the time out that went by and was not sent."""
        self._owed += self._passed(time.monotonic()) * self._frame_samples
        if self._owed > 0 and self._rtp is not None:
            self._rtp.skip(self._owed)
        self._owed = 0
        self._aligned = False

    def _passed(self, now: float) -> int:
        cadence = self._cadence
        return cadence.pass_by(now) if cadence is not None and now >= cadence.due else 0

    def _tick_lent(self, now: float) -> float:
        assert self._cadence is not None
        if self.dtmf.active and not self.on_hold:
            if self._pressing:
                self._press(self._passed(now))
            else:  # the time until now was the relay's
                self._pressing = True
                self._align()
            return self._cadence.due
        self._pressing = False
        self._owed += self._passed(now) * self._frame_samples
        return now + LENT_TICK_S

    # --- accounts -------------------------------------------------------------------------

    def first_audio_ms(self) -> float | None:
        """From the ACK to the first audio on the wire."""
        if self._first_audio_at is None or self._started_at is None:
            return None
        return round((self._first_audio_at - self._started_at) * 1000, 1)

    @property
    def skipped_frames(self) -> int:
        return self._cadence.skipped if self._cadence else 0

    def stats(self) -> dict[str, object]:
        return {
            "playout": self.playout.counters(),
            "keypad": self.dtmf.counters(),
            "cadence": self._cadence.counters() if self._cadence else {},
        }

    def _begin(self) -> None:
        if self._started_at is not None and self._rtp is not None and self._cadence is None:
            now = time.monotonic()
            self._cadence = Cadence(self.playout, now, frame_ms=self._frame_ms)
            self._ticking = self._pacer.add(self._tick, now, self._faults)
            self._ticking.reschedule(self._tick(now))

    def _tick(self, now: float) -> float:
        cadence, rtp = self._cadence, self._rtp
        assert cadence is not None
        assert rtp is not None
        if self.lent:
            due = self._tick_lent(now)
            if self.playout.news:
                self._tell()
            return due
        self._on_tick(now)
        if self.on_hold:
            rtp.skip(cadence.pass_by(now) * self._frame_samples)
        elif self.dtmf.active:
            self._press(cadence.pass_by(now))
        else:
            departure = cadence.tick(now)
            if departure is not None:
                self._depart(departure)
        if self.playout.news:
            self._tell()
        return cadence.due

    def _press(self, frames: int) -> None:
        """Frames whose time went by belong to the digits."""
        rtp, transport, samples = self._rtp, self._transport, self._frame_samples
        if not frames:
            return
        assert rtp is not None
        assert transport is not None
        sent = self.dtmf.advance(frames * samples, samples, by_event=self._by_event)
        if isinstance(sent, EventPacket):
            transport.send_event(sent)
            rtp.skip(frames * samples)
            return
        if frames > 1:
            rtp.skip((frames - 1) * samples)
        payload = encode(self.law, sent)
        transport.send(payload, samples)
        self._on_frame(payload, (frames - 1) * samples)

    def _depart(self, departure: Departure) -> None:
        assert self._rtp is not None
        assert self._transport is not None
        skipped = departure.skipped * self._frame_samples
        if skipped:
            self._rtp.skip(skipped)
        left = self._transport.send(departure.payload, self._frame_samples, departure.marker)
        if left and self._first_audio_at is None and departure.marker:
            self._first_audio_at = time.monotonic()
        self._on_frame(departure.payload, skipped)

    def _tell(self) -> None:
        if self._telling:
            return  # a listener of the step before has caused this one; it is told there, later
        self._telling = True
        try:
            while self.playout.news:
                self._on_news(self.playout.news.popleft())
        finally:
            self._telling = False
