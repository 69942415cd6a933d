"""Counters that wrap on the wire, seen as integers that do not."""


class Unwrapper:
    """Extends a wrapping counter (16-bit sequence, 32-bit timestamp) to an unbounded integer.

    Each value is placed at the shortest distance from the one before it, so small steps back
    (reordering) and any number of wraps come out right. The first value stands for itself; what
    precedes it may come out negative.
    """

    __slots__ = ("_half", "_last", "_mask")

    def __init__(self, bits: int) -> None:
        self._mask = (1 << bits) - 1
        self._half = 1 << (bits - 1)
        self._last: int | None = None

    def unwrap(self, value: int) -> int:
        last = self._last
        if last is None:
            self._last = value
            return value
        half = self._half
        last += ((value - last + half) & self._mask) - half
        self._last = last
        return last
