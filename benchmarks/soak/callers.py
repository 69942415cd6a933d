"""The callers of a soak, a process: calls that come, talk for a while, and are forgotten."""

from __future__ import annotations

import gc
import random
from collections import Counter
from dataclasses import dataclass
from multiprocessing.connection import Connection

from sipua.bench.load.call_loop import Add, CallLoop, PlacedCall, Plan
from sipua.bench.load.caller import Caller
from sipua.bench.replay.phones import TalkingPhone

_SEED = 10
_COLLECT_EVERY = 500  # calls


@dataclass(frozen=True, slots=True)
class State:
    ended: int
    up: int
    waiting: int
    """Neither up nor ended: not begun yet, ringing, or hanging up."""
    completed: int
    faults: dict[str, int]
    max_late_ns: int


@dataclass(slots=True)
class _Call(PlacedCall):
    lasts_s: float
    until_s: float | None = None
    """When it hangs up; None: it is not up."""
    hung_up: bool = False


def run(pipe: Connection, plan: Plan, call_s: float) -> None:
    """The process: Add and "state", each is answered by the State. `call_s`: the mean; each call
    lasts from half to one and a half of it, the same in each run.
    """
    _Callers(pipe, plan, call_s).run()


class _Callers(CallLoop[_Call]):
    def __init__(self, pipe: Connection, plan: Plan, call_s: float) -> None:
        super().__init__(pipe, plan, self._begin)
        self._call_s = call_s
        self._random = random.Random(_SEED)
        self._ended = 0
        self._faults: Counter[str] = Counter()

    def _begin(self, caller: Caller, phone: TalkingPhone) -> _Call:
        return _Call(caller, phone, self._call_s * self._random.uniform(0.5, 1.5))

    def told(self, message: object, now: float) -> None:
        if isinstance(message, Add):
            self.add(message, now)
        up = sum(call.until_s is not None for call in self.calls.values())
        state = State(
            ended=self._ended,
            up=up,
            waiting=self.wanted - self._ended - up,
            completed=self._ended - self._faults.total(),
            faults=dict(self._faults),
            max_late_ns=self.board.max_late_ns,
        )
        self.pipe.send(state)

    def is_up(self, call: _Call, now: float) -> None:
        call.until_s = now + call.lasts_s

    def check(self, call: _Call, now: float) -> None:
        if call.until_s is not None and now >= call.until_s:
            call.until_s = None
            call.hung_up = True
            call.phone.stop()
            self.send(call.caller.hang_up(now))
        if call.caller.state in ("over", "failed"):
            self._end(call)

    def _end(self, call: _Call) -> None:
        call.phone.read()
        if fault := fault_of(call.caller, call.hung_up, len(call.phone.heard.sequence)):
            self._faults[fault] += 1
        self.board.remove(call.phone)
        call.phone.udp.close()
        del self.calls[call.caller.call_id]
        self._ended += 1
        if self._ended % _COLLECT_EVERY == 0:
            gc.collect()


def fault_of(caller: Caller, hung_up: bool, packets: int) -> str:
    """What was wrong with a call that has ended, in words; empty: nothing."""
    if not hung_up:
        if caller.state == "failed":
            words = "no answer to INVITE" if caller.status == 408 else f"INVITE: {caller.status}"
            return "200 without an audio line" if caller.status == 200 else words
        return "hung up by the edge"
    if caller.state == "failed":
        return "no answer to BYE"
    if caller.status not in (0, 200):
        return f"BYE: {caller.status}"
    return "" if packets else "no audio from the edge"
