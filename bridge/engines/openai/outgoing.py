"""What one session sends: events with numbered ids, and those that wait to be taken."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import msgspec


class Outgoing:
    def __init__(self) -> None:
        self.last_id = ""
        self._number = 0
        self._waiting: list[bytes] = []

    @property
    def next_number(self) -> int:
        """That of the event which is encoded next: for ids of ours in it."""
        return self._number + 1

    def encode(self, event_type: str, **fields: Any) -> bytes:
        # The id comes back in an `error`, so that the log tells which request it was about.
        self._number += 1
        self.last_id = f"{event_type}#{self._number}"
        return msgspec.json.encode({"type": event_type, "event_id": self.last_id, **fields})

    def put(self, messages: Iterable[bytes]) -> None:
        """They leave with the next `take`."""
        self._waiting += messages

    def take(self) -> Sequence[bytes]:
        if not self._waiting:
            return ()
        waiting, self._waiting = self._waiting, []
        return waiting
