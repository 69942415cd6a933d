"""The JSON lines of a log that grows. Each byte is read once, however often a test asks.

Tests wait for an event by asking fifty times a second: to read the whole log each time took more of
the processor than the edge that had written it.
"""

import json
import threading
from pathlib import Path
from typing import Any

Event = dict[str, Any]


class EventLog:
    def __init__(self, path: Path) -> None:
        self._path = path
        self._read = 0  # bytes of it
        self._unfinished = b""
        self._lines: list[bytes] = []
        self._by_name: dict[str, tuple[int, list[Event]]] = {}
        """How many lines have been searched for it, and what was found."""
        self._one_at_a_time = threading.Lock()

    def events(self, name: str | None = None) -> list[Event]:
        """Those so far, oldest first. Threads may ask at the same time."""
        with self._one_at_a_time:
            self._follow()
            if name is None:
                return [event for line in self._lines if (event := _event(line)) is not None]
            return self._named(name)

    def _named(self, name: str) -> list[Event]:
        searched, found = self._by_name.get(name, (0, []))
        word = name.encode()
        for line in self._lines[searched:]:
            if word in line:
                event = _event(line)
                if event is not None and event.get("event") == name:
                    found.append(event)
        self._by_name[name] = len(self._lines), found
        return list(found)

    def _follow(self) -> None:
        if not self._path.exists():
            return
        with self._path.open("rb") as file:
            file.seek(self._read)
            fresh = file.read()
        self._read += len(fresh)
        *whole, self._unfinished = (self._unfinished + fresh).split(b"\n")
        self._lines += whole


def _event(line: bytes) -> Event | None:
    """None: another program's line, or a traceback's."""
    if not line.startswith(b"{"):
        return None
    event: Event = json.loads(line.decode(errors="replace"))
    return event
