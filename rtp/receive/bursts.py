"""Losses told apart: bursts that are heard, and single packets missing in the gaps between them.

A burst begins and ends with a missing packet, and between two of its missing ones fewer than 16
came (RFC 3611 §4.7.2). Transitions are counted as in its appendix A.2, between four states: 1 a
packet that came in a gap, 2 one that came in a burst, 3 one missing in a burst, 4 one missing in a
gap. One thing differs: the appendix takes the first missing packet of a call for a burst, whatever
follows. Here it is one only if another one is near.

A packet is missing when it was given up: whether it comes too late or never is heard alike. So the
work is done for missing packets only; those that come cost nothing here.
"""

from dataclasses import dataclass

GAP_MIN = 16


@dataclass(frozen=True, slots=True)
class Bursts:
    """Shares of missing packets, and the mean of durations."""

    burst_density: float
    gap_density: float
    burst_ms: float
    """0: there was none."""
    gap_ms: float


class BurstCounter:
    """Of one SSRC; sequence numbers are unwrapped."""

    __slots__ = ("_c11", "_c13", "_c14", "_c22", "_c23", "_c33", "_last", "_near")

    def __init__(self) -> None:
        self._c11 = self._c13 = self._c14 = self._c22 = self._c23 = self._c33 = 0
        self._near = 0
        """Missing packets that are near each other, up to the last one."""
        self._last = 0
        """The last missing number, or the one before the first."""

    def start(self, sequence: int, highest: int) -> None:
        """The numbers begin here, for the first time or anew; `highest`: of those before."""
        self._c11 += max(0, highest - self._last)
        self._close()
        self._last = sequence - 1

    def missing(self, first: int, count: int) -> None:
        """So many in a row were given up, from this one on."""
        if count <= 0:
            return
        came = first - self._last - 1
        if not self._near or came >= GAP_MIN:
            self._close()
            self._c11 += came
        elif came > 0:
            self._c23 += 1
            self._c22 += came - 1
        else:
            self._c33 += 1
        self._c33 += count - 1
        self._near += count
        self._last = first + count - 1

    def _close(self) -> None:
        """A gap begins behind the last missing packet."""
        if self._near == 1:
            self._c14 += 1
        elif self._near:
            self._c13 += 1
        self._near = 0

    def figures(self, highest: int, packet_ms: float) -> Bursts:
        """Up to that number; `packet_ms`: the length of a packet."""
        c11 = self._c11 + max(0, highest - self._last)
        c13 = self._c13 + (self._near > 1)
        c14 = self._c14 + (self._near == 1)
        c22, c23, c33 = self._c22, self._c23, self._c33
        gap_density = _share(c14, c11 + c14)
        if not c13:
            return Bursts(0.0, gap_density, 0.0, (c11 + c14) * packet_ms)
        c31, c32 = c13, c23
        p32 = _share(c32, c31 + c32 + c33)
        p23 = 1 - _share(c22, c22 + c23)
        return Bursts(
            p23 / (p23 + p32),
            gap_density,
            (c22 + c23 + c31 + c32 + c33) * packet_ms / c13,
            (c11 + c14 + c13) * packet_ms / c13,
        )


def _share(part: int, whole: int) -> float:
    return part / whole if whole else 0.0
