"""The events that are kept for readers who come back, as they are sent."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass
from itertools import islice
from typing import Final

from sipua.events.stream import KEPT, Happened

WORDS: Final = "turn.text"


class Kept:
    """An event, encoded once for all its readers."""

    __slots__ = ("_frame", "_json", "happened")

    def __init__(self, happened: Happened) -> None:
        self.happened = happened
        self._json: bytes | None = None
        self._frame: bytes | None = None

    @property
    def json(self) -> bytes:
        if self._json is None:
            self._json = self.happened.json()
        return self._json

    @property
    def frame(self) -> bytes:
        """As a server-sent event."""
        if self._frame is None:
            head = f"id: {self.happened.id}\nevent: {self.happened.told.type}\ndata: "
            self._frame = head.encode() + self.json + b"\n\n"
        return self._frame


@dataclass(frozen=True, slots=True)
class Filter:
    """`types`: names, or beginnings that end in `*`; none: all. `call_id`: empty, of all calls."""

    types: tuple[str, ...] = ()
    call_id: str = ""
    words: bool = True
    """Whether what people said may be read."""

    def takes(self, happened: Happened) -> bool:
        told = happened.told
        if told.type == WORDS and not self.words:
            return False
        if self.call_id and told.call_id != self.call_id:
            return False
        return not self.types or any(_fits(pattern, told.type) for pattern in self.types)


def _fits(pattern: str, name: str) -> bool:
    return name.startswith(pattern[:-1]) if pattern.endswith("*") else name == pattern


class Ring:
    def __init__(self, most: int = KEPT) -> None:
        self._kept: deque[Kept] = deque(maxlen=most)
        self.boot = ""
        self.last = 0
        """The number of the newest event."""

    def __len__(self) -> int:
        return len(self._kept)

    def add(self, happened: Iterable[Happened]) -> bool:
        """Whether none is missing between them and those before."""
        whole = True
        for one in happened:
            if one.sequence != self.last + 1:
                self._kept.clear()  # a gap must be seen as one
                whole = False
            self._kept.append(Kept(one))
            self.boot, self.last = one.boot, one.sequence
        return whole

    def position(self, event_id: str) -> int | None:
        """The number of an event that a reader has seen; None: it is of another run, or no id."""
        boot, _, number = event_id.partition("-")
        if boot != self.boot or not (number.isascii() and number.isdigit() and len(number) < 19):
            return None
        return int(number)

    def after(self, sequence: int, most: int = KEPT) -> list[Kept] | None:
        """What came after this number; None: not all of it is kept."""
        missing = self.last - sequence
        if missing < 0 or missing > len(self._kept):
            return None
        begin = len(self._kept) - missing
        return list(islice(self._kept, begin, begin + most))

    def all(self, wanted: Filter) -> list[Kept]:
        return [one for one in self._kept if wanted.takes(one.happened)]
