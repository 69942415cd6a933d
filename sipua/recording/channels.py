"""The two channels of a recording, on the clock of the call. No I/O; times are passed in.

    CallerChannel   left    what came out of the reorder buffer; what was lost is concealed
    SentChannel     right   the packets that left the socket, by their RTP timestamps

Both place sound by the monotonic clock of this host, so they stay in step however long the call is.

The caller's packets come with jitter, and their clock is not ours. A packet has its place behind
the one before it, because the sender's clock went on evenly. How late it comes for that place
varies with the network; the smallest lateness of a second is the network's own delay and the
difference of the clocks. When that has grown or shrunk by 5 ms, one sample in each packet is
doubled or left out until it is gone, which cannot be heard. A packet that is far too late is either
the first one behind a pause, or the first one of a burst after a stall: the packets of the next
half second tell which. So decisions are made half a second late.

Our own packets need none of that: their timestamps follow our clock (see
`bridge/playout/cadence.py`), also over holds, keys and stalls.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np

from sipua.codecs.conceal import Concealer
from sipua.codecs.dtmf import DtmfDetector
from sipua.codecs.g711 import Law, decode
from sipua.codecs.pcm import Pcm
from sipua.recording.track import Track
from sipua.rtp.events import Frame, Lost, RtpEvent, Silence, SsrcChanged

RATE_HZ: Final = 8000
LOOK_AHEAD: Final = RATE_HZ // 2
"""So long a packet waits for the decision about its place."""
_PAUSE: Final = RATE_HZ * 40 // 1000
"""A packet that is later than this is behind a pause or a stall."""
_TOO_EARLY: Final = -RATE_HZ * 20 // 1000
_WINDOW_FRAMES: Final = 50
_OUT_OF_STEP: Final = RATE_HZ * 5 // 1000
_LONGEST_GAP: Final = 10 * RATE_HZ
"""A longer loss or silence is found by the clock instead."""
_JUMP: Final = RATE_HZ * 60 // 1000
_HEADER: Final = 12


class Restart:
    """A mark among events: what comes next does not follow what came before."""


RESTART: Final = Restart()

Heard = RtpEvent | Restart


@dataclass(slots=True)
class _Piece:
    pcm: Pcm
    came: int | None
    """Where it would end if it had come at once. None: nothing came, it was lost."""
    first: bool = False
    """It does not follow the piece before it."""


class Tones:
    """Tells where keys are heard. The piece behind a tone counts as one: its end lies in it."""

    def __init__(self) -> None:
        self._detector = DtmfDetector()
        self._sounding = False

    def heard_in(self, pcm: Pcm) -> bool:
        before = self._sounding
        self._detector.feed(pcm)
        self._sounding = self._detector.sounding
        return before or self._sounding


class CallerChannel:
    def __init__(
        self, began_s: float, laws: Mapping[int, Law], *, mask_digits: bool = False
    ) -> None:
        """`laws`: by payload type; may change. `mask_digits`: silence in place of tones of keys."""
        self._tones = Tones() if mask_digits else None
        self._began_s = began_s
        self._laws = laws
        self.track = Track()
        self._waiting: deque[_Piece] = deque()
        self._concealer = Concealer()
        self._restart = True
        self._place = 0
        self._least: int | None = None
        self._frames = 0
        self._slew = 0
        self.late = 0
        """Samples that came too late for the file."""

    def feed(self, event: Heard) -> None:
        match event:
            case Frame():
                law = self._laws.get(event.payload_type)
                if law is not None and event.payload:
                    pcm = self._concealer.good(self._masked(decode(law, event.payload)))
                    came = round((event.received_at - self._began_s) * RATE_HZ)
                    self._add(pcm, came)
            case Lost() | Silence() if self._restart:
                pass  # there is nothing that it would follow
            case Lost() if event.samples <= _LONGEST_GAP:
                self._add(self._concealer.lost(event.samples), None)
            case Silence() if event.samples <= _LONGEST_GAP:
                self._add(self._concealer.good(np.zeros(event.samples, np.int16)), None)
            case Lost() | Silence() | SsrcChanged() | Restart():
                self._restart = True
                self._concealer = Concealer()

    def _masked(self, pcm: Pcm) -> Pcm:
        if self._tones is None or not self._tones.heard_in(pcm):
            return pcm
        if self._waiting:  # it began there
            self._waiting[-1].pcm = np.zeros(len(self._waiting[-1].pcm), np.int16)
        return np.zeros(len(pcm), np.int16)

    def settle(self, until: int) -> None:
        """Place all that came before; the last time with a time behind all."""
        waiting = self._waiting
        while waiting:
            came = next((piece.came for piece in waiting if piece.came is not None), None)
            if came is None or came > until:
                return
            self._put(waiting.popleft())

    def _add(self, pcm: Pcm, came: int | None) -> None:
        self._waiting.append(_Piece(pcm, came, self._restart))
        self._restart = False

    def _put(self, piece: _Piece) -> None:
        length, came = len(piece.pcm), piece.came
        if piece.first:
            assert came is not None
            self._place = came - length
            self._place += self._least_ahead(piece, came)
            self._forget_drift()
        elif came is not None:
            late = came - length - self._place
            if late > _PAUSE and (pause := self._least_ahead(piece, came)) > _PAUSE:
                self._place += pause
                self._forget_drift()
            elif late < _TOO_EARLY:
                self._place += late
                self._forget_drift()
            else:
                self._watch(late)
        pcm = self._slewed(piece.pcm) if came is not None and self._slew else piece.pcm
        cut = self.track.put(self._place, pcm)
        if self._place >= 0:  # else it belongs to the time before the recording
            self.late += cut
        self._place += len(pcm)

    def _least_ahead(self, piece: _Piece, came: int) -> int:
        """The smallest lateness of it and of those that came within the next half second, if they
        follow each other from the present place on."""
        place, least = self._place + len(piece.pcm), came - len(piece.pcm) - self._place
        for following in self._waiting:
            if following.first or (following.came or 0) > came + LOOK_AHEAD:
                break
            if following.came is not None:
                least = min(least, following.came - len(following.pcm) - place)
            place += len(following.pcm)
        return least

    def _watch(self, late: int) -> None:
        self._least = late if self._least is None else min(self._least, late)
        self._frames += 1
        if self._frames >= _WINDOW_FRAMES:
            self._slew = self._least if abs(self._least) > _OUT_OF_STEP else 0
            self._least, self._frames = None, 0

    def _forget_drift(self) -> None:
        self._least, self._frames, self._slew = None, 0, 0

    def _slewed(self, pcm: Pcm) -> Pcm:
        if self._slew > 0:
            self._slew -= 1
            return np.concatenate((pcm, pcm[-1:]))
        self._slew += 1
        return pcm[:-1]


class SentChannel:
    def __init__(
        self, began_s: float, laws: Mapping[int, Law], *, mask_digits: bool = False
    ) -> None:
        self._tones = Tones() if mask_digits else None
        self._began_s = began_s
        self._laws = laws
        self.track = Track()
        self._ssrc = b""
        self._timestamp = 0
        self._place = 0

    def feed(self, sent_s: float, datagram: bytes) -> None:
        """A packet of ours, as it left: without extensions, as we send them."""
        law = self._laws.get(datagram[1] & 0x7F)
        if law is None:
            return  # keys, or comfort noise: silence
        left = round((sent_s - self._began_s) * RATE_HZ)
        timestamp = int.from_bytes(datagram[4:8])
        place = self._place + _signed(timestamp - self._timestamp)
        if datagram[8:12] != self._ssrc or not -_JUMP <= left - place <= _JUMP:
            place = left
        self._ssrc, self._timestamp, self._place = datagram[8:12], timestamp, place
        pcm = decode(law, memoryview(datagram)[_HEADER:])
        self.track.put(place, pcm)
        if self._tones is not None and self._tones.heard_in(pcm):
            self.track.blank(place - len(pcm))  # it began in the packet before


def _signed(difference: int) -> int:
    """Of two timestamps of 32 bits."""
    return (difference + 0x8000_0000) % 0x1_0000_0000 - 0x8000_0000
