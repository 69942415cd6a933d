"""The load generator's process: many callers, their signalling and their media."""

from __future__ import annotations

import time
from dataclasses import dataclass
from multiprocessing.connection import Connection

from sipua.bench.common import clock
from sipua.bench.load.call_loop import Add, CallLoop, PlacedCall, Plan
from sipua.bench.load.setup_times import SetupTimes
from sipua.bench.replay.phones import Heard


@dataclass(frozen=True, slots=True)
class State:
    """How the calls stand; Call-IDs of those that are up."""

    up: list[str]
    failed: dict[int, int]
    waiting: int


@dataclass(slots=True)
class Notes:
    """What was noted since the last report, by Call-ID."""

    heard: dict[str, Heard]
    setups: list[SetupTimes]
    """Of the calls that were begun."""
    wall: clock.WallClock
    max_late_ns: int


@dataclass(slots=True)
class _Call(PlacedCall):
    setup: SetupTimes


def run(pipe: Connection, plan: Plan) -> None:
    """The process: Add, "state", "report", "hang up"; each is answered."""
    _Generator(pipe, plan).run()


class _Generator(CallLoop[_Call]):
    def __init__(self, pipe: Connection, plan: Plan) -> None:
        super().__init__(
            pipe,
            plan,
            lambda caller, phone: _Call(caller, phone, SetupTimes(time.monotonic_ns())),
        )
        self._reported = 0
        self._wall = clock.WallClock()
        self._wall.mark()

    def told(self, message: object, now: float) -> None:
        if isinstance(message, Add):
            self.add(message, now)
            self.pipe.send("adding")
        elif message == "report":
            self.pipe.send(self._report())
        elif message == "hang up":
            for call in self.calls.values():
                call.phone.stop()
                self.send(call.caller.hang_up(now))
            self.pipe.send("hanging up")
        else:
            self.pipe.send(self._state())

    def progressed(self, call: _Call, at_ns: int) -> None:
        call.setup.answered(call.caller.progress, at_ns)

    def is_over(self, call: _Call) -> None:
        call.phone.stop()

    def _state(self) -> State:
        failed: dict[int, int] = {}
        for call in self.calls.values():
            if call.caller.state in ("failed", "over"):
                failed[call.caller.status] = failed.get(call.caller.status, 0) + 1
        up = [name for name, call in self.calls.items() if call.caller.state == "up"]
        return State(up, failed, self.wanted - len(up) - sum(failed.values()))

    def _report(self) -> Notes:
        self._wall.mark()
        notes = Notes(
            {name: call.phone.take() for name, call in self.calls.items()},
            [call.setup for call in list(self.calls.values())[self._reported :]],
            self._wall,
            self.board.max_late_ns,
        )
        self._wall = clock.WallClock()
        self._wall.mark()
        self.board.max_late_ns = 0
        self._reported = len(self.calls)
        return notes
