"""What the API asks of the edge: a few questions and orders, all on the edge's loop."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, Protocol, TypeAlias

from sipua.calls.steer.commands import Command, Done
from sipua.calls.steer.place_request import PlaceRequest
from sipua.config.change.in_force import Reloaded
from sipua.events.event import Event
from sipua.queue.presence import PresenceState
from sipua.queue.queues import QueueState
from sipua.queue.slots import EngineState

LogLevel: TypeAlias = Literal["debug", "info", "warning", "error"]


class ApiError(Exception):
    """The API cannot be served; the text says why."""


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
    """Called on the edge's loop."""

    def state(self) -> EdgeState: ...

    async def steer(self, call_id: str, command: Command, by: str) -> Done:
        """`by`: whose token it is. Bounded in time; never raises for a bad command."""
        ...

    def queues(self) -> Sequence[QueueState]: ...

    def engine_slots(self) -> Sequence[EngineState]:
        """Of the engines that have a limit."""
        ...

    def set_member(
        self, queue: str, member: str, state: PresenceState, reason: str, by: str
    ) -> bool:
        """Sign a member of queues in or out, or begin a pause. False: there is no such member."""
        ...

    def watch_calls(self, for_s: float) -> None:
        """Somebody looks at the calls: so long, samples of all are wanted each second."""
        ...

    async def place(self, request: PlaceRequest) -> str:
        """The call's id. Raises CannotPlaceError."""
        ...

    def tell(self, event: Event) -> None:
        """Tell an event of the edge, such as what was done by the API."""
        ...

    def recording_fetched(self, call_id: str, file: str, by: str) -> None:
        """Tell that it was given to the holder of this token."""
        ...

    def begin_drain(self, timeout_s: float | None, *, stop: bool) -> None:
        """Refuse new calls. `timeout_s`: then those that are up are hung up; None: never. `stop`:
        the process ends with the last call.
        """
        ...

    def end_drain(self) -> bool:
        """Take calls again. False: the process ends already."""
        ...

    def log_level(self) -> LogLevel: ...

    def set_log_level(self, level: LogLevel) -> None:
        """Of the edge and of its workers."""
        ...

    async def reload(self, by: str, *, check: bool) -> Reloaded:
        """Read the configuration again. `check`: and change nothing. Raises ReloadError."""
        ...

    def refresh_registration(self, account: str) -> None:
        """Register it now."""
        ...
