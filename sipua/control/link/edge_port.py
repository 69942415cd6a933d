"""What the API asks of the edge: a few questions and orders, all on the edge's loop."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class EdgeState:
    calls: int
    max_calls: int
    draining: bool
    worker_missing_s: float
    """How long no worker is expected; 0: one takes calls."""
    engine_missing_s: float
    """The same of engines."""
    oldest_s: float
    """Age of the oldest call; 0: there is none."""
    drain_left_s: float | None
    """Until the remaining calls are hung up; None: they are not."""
    stopping: bool
    """The process ends with its last call: that cannot be taken back."""
    call_ids: tuple[str, ...]


class EdgePort(Protocol):
    """Called on the edge's loop; nothing waits."""

    def state(self) -> EdgeState: ...

    def hang_up(self, call_id: str, detail: str) -> bool:
        """False: there is no such call any more."""
        ...

    def begin_drain(self, timeout_s: float | None, *, stop: bool) -> None:
        """Refuse new calls. `timeout_s`: then those that are up are hung up; None: never. `stop`:
        the process ends with the last call.
        """
        ...

    def end_drain(self) -> bool:
        """Take calls again. False: the process ends already."""
        ...

    def set_log_level(self, level: str) -> None:
        """Of the edge and of its workers."""
        ...
