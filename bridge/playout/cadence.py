"""When frames leave: one every 20 ms, and the first of a talkspurt at once.

Silence is sent too, without end: PBXs and NATs want RTP. Frame n of the call has its nominal time,
start + n * 20 ms, and carries timestamp n * 160. Were that all, an answer that becomes ready
between two frames of silence would wait for the next one, 10 ms on average. Waiting is not needed:

    a talkspurt begins    its first frame leaves at once, ahead of its nominal time by a lead of
                          up to 20 ms, and the marker bit tells the receiver to adapt
    while it lasts        the lead stays: frames are exactly 20 ms apart
    it ends               the next frame waits for its nominal time: the lead is repaid, in
                          silence, where a gap of less than 40 ms between frames is not heard

Timestamps stay contiguous throughout, so a receiver sees no loss and no jump. Since every time is
computed from the frame's number, nothing adds up: after any number of talkspurts the timestamps
are those of the wall clock, plus the present lead. (To re-phase without repaying would push the
timestamps 10 ms further ahead with each talkspurt, and fill the receiver's jitter buffer.)

Audio that comes while the lead is being repaid continues the talkspurt at once, with the lead that
remains. Audio that comes while a talkspurt runs waits for its turn: a frame has just left.

After a stall (of this process, the host) frames whose time has passed are skipped: their
timestamps go by unused, as in silence, and no burst is sent. The audio is not lost, only later.
"""

import msgspec

from sipua.bridge.playout.queue import PlayoutQueue


# A Struct, because one is made for each frame of each call (see rtp/packet.py).
class Departure(msgspec.Struct, gc=False):
    """Send `payload` now, after leaving out `skipped` frames' worth of timestamps."""

    payload: bytes
    marker: bool
    skipped: int = 0


class Cadence:
    """One call's sending. Call `tick` at `due` (a little early or late is fine), `wake` on audio.

    Both may move `due`.
    """

    __slots__ = (
        "_frame_s",
        "_gap",
        "_in_talkspurt",
        "_lead_s",
        "_number",
        "_playout",
        "_skipped",
        "_start_s",
        "_woken",
    )

    def __init__(self, playout: PlayoutQueue, now: float, *, frame_ms: int = 20) -> None:
        self._playout = playout
        self._frame_s = frame_ms / 1000
        self._start_s = now
        self._number = 0  # of the next frame
        self._lead_s = 0.0
        self._in_talkspurt = False
        self._gap = False
        self._skipped = 0
        self._woken = 0

    @property
    def due(self) -> float:
        """When the next frame should leave."""
        return self._start_s + self._number * self._frame_s - self._lead_s

    @property
    def lead_ms(self) -> float:
        """How far the timestamps are ahead of the wall clock."""
        return self._lead_s * 1000

    def tick(self, now: float) -> Departure | None:
        """`due` has come. None: nothing leaves now, ask at the new `due`."""
        if not self._playout.pending:
            self._in_talkspurt = False
            if self._lead_s > 0.0:
                self._lead_s = 0.0
                if now < self.due:
                    return None
        return self._depart(now)

    def wake(self, now: float) -> Departure | None:
        """Audio was pushed. A departure if it starts a talkspurt."""
        if self._in_talkspurt or not self._playout.pending:
            return None
        lead_s = self._start_s + self._number * self._frame_s - now
        if lead_s > self._frame_s:
            # The frame before left early, by the timer's grain: keep to the bound.
            self._lead_s = self._frame_s
            return None
        self._lead_s = max(lead_s, 0.0)
        self._woken += 1
        return self._depart(now)

    def pass_by(self, now: float) -> int:
        """`due` has come and nothing may leave (hold); returns how many frames' time went by."""
        self._in_talkspurt = False
        if self._lead_s > 0.0:
            self._lead_s = 0.0
            if now < self.due:
                return 0
        passed = 1 + max(0, int((now - self.due) / self._frame_s))
        self._number += passed
        self._gap = True
        return passed

    @property
    def skipped(self) -> int:
        """Frames whose time had passed."""
        return self._skipped

    def counters(self) -> dict[str, int]:
        return {"skipped_frames": self._skipped, "talkspurts_at_once": self._woken}

    def _depart(self, now: float) -> Departure:
        late_s = now - self.due
        skipped = int(late_s / self._frame_s) if late_s >= self._frame_s else 0
        frame = self._playout.next_frame()
        self._in_talkspurt = frame.audio
        self._number += skipped + 1
        self._skipped += skipped
        # Audio after timestamps that went by unused starts a talkspurt, whatever it was before.
        marker = frame.marker or (frame.audio and (self._gap or skipped > 0))
        self._gap = False
        return Departure(frame.payload, marker, skipped)
