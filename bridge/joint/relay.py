"""One direction of a joint: what one leg received, in order, leaves on the other leg at once.

    RtpSession of a ─▶ Frame, Lost, Silence, … ─▶ Relay ─▶ RelayOut of b ─▶ socket

There is no playout buffer. The reorder buffer of the receiving session gives packets in order, and
the phone at the end has a jitter buffer of its own: a second one here could only add delay. What is
lost is not concealed here: its sequence numbers go by, and the phone at the end sees the loss and
conceals it. G.711 of the same law is passed on byte for byte, of the other law by a table. A packet
keeps its length: 20 ms from one side may meet 40 ms from the other, each is what its sender chose,
and the timestamps follow the samples.

Keys (RFC 4733) are no audio: the joint presses them anew on the other leg, with the number that was
agreed there, or as tones.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final, Protocol

from sipua.codecs.g711 import Law, transcoding_table
from sipua.rtp.events import Frame, Lost, RtpEvent, Silence, SsrcChanged

LONGEST_GAP: Final = 8000
"""Samples of a pause that are taken from the sender's timestamps. Beyond it the clock of this
machine decides: the timestamps are the peer's to choose, and ours must not follow them anywhere."""

_TABLES: Final = {
    (source, target): transcoding_table(source, target)
    for source in Law
    for target in Law
    if source is not target
}


class RelayOut(Protocol):
    """The sending side of the other leg."""

    @property
    def law(self) -> Law: ...

    def relay(self, payload: bytes, samples: int, marker: bool) -> None:
        """Send it now, in the law of this side."""

    def relay_gap(self, samples: int, packets: int) -> None:
        """Time goes by, and so many packets of it were lost; 0: none was sent."""

    def realign(self) -> None:
        """The next frame begins a timeline: its place is what the clock says."""


class Relay:
    __slots__ = ("_frame", "_laws", "_marker", "_out", "frames", "lost", "translated", "unknown")

    def __init__(self, laws: Mapping[int, Law], out: RelayOut) -> None:
        """`laws`: of what is received, by payload type; it may change."""
        self._laws = laws
        self._out = out
        self._marker = True
        self._frame = 160
        self.frames = self.lost = self.translated = self.unknown = 0

    def feed(self, events: Sequence[RtpEvent]) -> None:
        for event in events:
            if type(event) is Frame:  # nearly all are
                self._pass_on(event)
            elif isinstance(event, Lost):
                self._lose(event.samples)
            elif isinstance(event, Silence):
                self._pause(event.samples)
            elif isinstance(event, SsrcChanged):
                self._out.realign()
                self._marker = True

    def counters(self) -> dict[str, int]:
        return {
            "frames": self.frames,
            "lost": self.lost,
            "translated": self.translated,
            "unknown_payloads": self.unknown,
        }

    def _pass_on(self, frame: Frame) -> None:
        law = self._laws.get(frame.payload_type)
        payload = frame.payload
        samples = len(payload)
        if law is None or not samples:
            self.unknown += 1
            return
        out = self._out
        target = out.law
        if law is not target:
            payload = payload.translate(_TABLES[law, target])
            self.translated += 1
        marker, self._marker = self._marker, False
        self._frame = samples
        self.frames += 1
        out.relay(payload, samples, marker)

    def _lose(self, samples: int) -> None:
        packets = max(1, round(samples / self._frame))
        self.lost += packets
        self._out.relay_gap(samples, packets)

    def _pause(self, samples: int) -> None:
        self._marker = True
        if samples > LONGEST_GAP:
            self._out.realign()
        else:
            self._out.relay_gap(samples, 0)
