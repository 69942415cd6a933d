"""Tool calls of a Voice Agent that wait for their result."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

MAX_CALLS: Final = 64


class OpenCalls:
    """An answer has the tool's name as well as the id, so it is kept until then."""

    def __init__(self) -> None:
        self._names: dict[str, str] = {}
        self._cancelled: dict[str, None] = {}

    def add(self, call_id: str, name: str) -> bool:
        """False: too many wait already."""
        if len(self._names) >= MAX_CALLS:
            return False
        self._names[call_id] = name
        self._cancelled.pop(call_id, None)
        return True

    def cancel(self, call_ids: Iterable[str]) -> int:
        """The agent wants no answer to these any more: how many of them waited."""
        cancelled = [call_id for call_id in call_ids if self._names.pop(call_id, None) is not None]
        for call_id in cancelled:
            if len(self._cancelled) >= MAX_CALLS:
                del self._cancelled[next(iter(self._cancelled))]
            self._cancelled[call_id] = None
        return len(cancelled)

    def was_cancelled(self, call_id: str) -> bool:
        return call_id in self._cancelled

    def take(self, call_id: str) -> str | None:
        """The name of the tool, of a call that is answered now; None: this session waits for no
        such answer."""
        return self._names.pop(call_id, None)
