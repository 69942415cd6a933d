"""When the kernel got a packet, on the clock that everything else is measured by.

SO_TIMESTAMPNS stamps arrivals with the wall clock. Both clocks tick alike over the seconds of a
run; the difference between them is read at both ends of it, and what lies between is interpolated.
"""

from __future__ import annotations

import socket
import struct
import time

import numpy as np
import numpy.typing as npt

Nanoseconds = npt.NDArray[np.int64]

_SO_TIMESTAMPNS = 35  # of Linux, which Python's socket module does not name
_TIMESPEC = struct.Struct("@qq")
ANCILLARY_BYTES = 64
_TRIES = 20


def ask_for_stamps(udp: socket.socket) -> None:
    udp.setsockopt(socket.SOL_SOCKET, _SO_TIMESTAMPNS, 1)


def stamp_ns(ancillary: list[tuple[int, int, bytes]]) -> int:
    """Wall clock of the arrival; 0 when the kernel gave none."""
    for _, kind, data in ancillary:
        if kind == _SO_TIMESTAMPNS:
            seconds, nanoseconds = _TIMESPEC.unpack_from(data)
            return int(seconds) * 1_000_000_000 + int(nanoseconds)
    return 0


class WallClock:
    """`mark()` at the start and at the end, then `to_monotonic()`."""

    def __init__(self) -> None:
        self._marks: list[tuple[int, int]] = []  # wall clock, difference

    def mark(self) -> None:
        best = None
        for _ in range(_TRIES):
            before = time.monotonic_ns()
            wall = time.time_ns()
            after = time.monotonic_ns()
            if best is None or after - before < best[0]:
                best = (after - before, wall, wall - (before + after) // 2)
        assert best is not None
        self._marks.append(best[1:])

    def to_monotonic(self, wall_ns: Nanoseconds) -> Nanoseconds:
        (first, offset), (last, end_offset) = self._marks[0], self._marks[-1]
        if last == first:
            return wall_ns - offset
        share = (wall_ns - first) / (last - first)
        return wall_ns - offset - np.rint(share * (end_offset - offset)).astype(np.int64)
