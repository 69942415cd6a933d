"""The decisions about workers: who takes the next call, who is late, who is started again and when.
No I/O, no clock: `now` comes in, what is to be done goes out.

    waiting ──start──▶ starting ──ready──▶ ready
       ▲                  │ too long         │ silent, too big, a fault of its link
       │                  ▼                  ▼
       └──── exited ──── ending ◀────────────┘

A worker that has died is started again at once when it had lived for long; otherwise after a wait
that doubles each time. When no worker can live there is no edge either: `hopeless`.
"""

from __future__ import annotations

import enum
from collections.abc import Iterator
from dataclasses import dataclass, field

from sipua.worker.link.silence import Silence

READY_WITHIN_S = 60.0
"""The user's tools may import much."""
SILENT_S = 4.0
"""A worker answers within a millisecond; its callers have heard nothing for as long."""
DOUBTED_S = 1.0
"""One that is silent for so long gets no call that another worker can have."""
STEADY_S = 30.0
"""A worker that has lived so long was no failed start."""
ALIVE_S = 5.0
"""One that died sooner never really worked."""
FIRST_WAIT_S = 0.5
LONGEST_WAIT_S = 30.0
MOST_MISTRUST = 30
"""A worker that makes no call, for want of descriptors say, has the fewest calls. Each failed call
in a row counts as one that it still has, up to so many, until a call has gone well there."""
HOPELESS_DEATHS = 5
"""In a row, of each worker, without one that lived for ALIVE_S."""


class State(enum.StrEnum):
    WAITING = "waiting"
    STARTING = "starting"
    READY = "ready"
    ENDING = "ending"


@dataclass(frozen=True, slots=True)
class Start:
    worker: int


@dataclass(frozen=True, slots=True)
class Ask:
    """Send a Ping."""

    worker: int


@dataclass(frozen=True, slots=True)
class Kill:
    worker: int


Act = Start | Ask | Kill


@dataclass(slots=True)
class Slot:
    """One worker, and those that had its place before."""

    number: int
    state: State = State.WAITING
    since: float = 0.0
    """Of the state; when waiting: until then."""
    calls: int = 0
    cause: str = ""
    """Why it is being ended."""
    ended_at: float = 0.0
    """When the last one was seen to live last: its calls were over then."""
    deaths: int = 0
    """Since the edge began."""
    failures: int = 0
    """Deaths in a row without a steady life; they make the wait longer."""
    unborn: int = 0
    """Deaths in a row without a life at all."""
    silence: Silence = field(default_factory=Silence)
    failed_calls: int = 0
    """In a row."""


class Supervisor:
    def __init__(self, count: int, *, memory_bytes: int = 0) -> None:
        """`memory_bytes`: the most that a worker may have; 0: no limit."""
        self.slots = {number: Slot(number) for number in range(1, count + 1)}
        self.memory_bytes = memory_bytes

    def check(self, now: float) -> Iterator[Act]:
        """What is to be done now; every CHECK_EVERY_S."""
        for slot in self.slots.values():
            match slot.state:
                case State.WAITING if now >= slot.since:
                    slot.state, slot.since = State.STARTING, now
                    slot.silence, slot.failed_calls = Silence(), 0
                    yield Start(slot.number)
                case State.STARTING if now >= slot.since + READY_WITHIN_S:
                    yield from self.fault(
                        slot.number, f"not ready within {READY_WITHIN_S:g} s", now
                    )
                case State.READY:
                    silent_s = slot.silence.check(now)
                    if silent_s >= SILENT_S:
                        cause = f"it has said nothing for {SILENT_S:g} s"
                        yield from self.fault(slot.number, cause, now, silent_s)
                    else:
                        yield Ask(slot.number)

    def ready(self, worker: int, now: float) -> None:
        slot = self.slots[worker]
        if slot.state is State.STARTING:
            slot.state, slot.since = State.READY, now

    def heard(self, worker: int) -> None:
        self.slots[worker].silence.heard()

    def uses(self, worker: int, memory_bytes: int, now: float) -> Iterator[Act]:
        """Take the memory that it has now."""
        limit = self.memory_bytes
        if limit and memory_bytes > limit:
            cause = f"it has {memory_bytes // 1_000_000} MB, and may have {limit // 1_000_000}"
            yield from self.fault(worker, cause, now)

    def fault(self, worker: int, cause: str, now: float, silent_s: float = 0.0) -> Iterator[Act]:
        """It must end, and at once: it may have stopped. An empty cause: how it ends will tell."""
        slot = self.slots[worker]
        if slot.state in (State.STARTING, State.READY):
            self._note_life(slot, now)
            slot.state, slot.since, slot.cause = State.ENDING, now, cause
            slot.ended_at = now - silent_s
            yield Kill(worker)

    def exited(self, worker: int, how: str, now: float) -> Slot:
        """The process is gone, and so are its calls. The slot tells when the next one starts, and
        in `cause` what it died of: `how`, unless we have killed it.
        """
        slot = self.slots[worker]
        if slot.state is not State.ENDING:
            self._note_life(slot, now)
            slot.cause, slot.ended_at = "", now
        slot.cause = slot.cause or how
        slot.deaths += 1
        slot.failures += 1
        slot.state, slot.since = State.WAITING, now + _wait_s(slot.failures)
        return slot

    def _note_life(self, slot: Slot, now: float) -> None:
        lived_s = now - slot.since if slot.state is State.READY else 0.0
        if lived_s >= STEADY_S:
            slot.failures = 0
        slot.unborn = 0 if lived_s >= ALIVE_S else slot.unborn + 1

    @property
    def hopeless(self) -> bool:
        return all(
            slot.unborn >= HOPELESS_DEATHS and slot.state is not State.READY
            for slot in self.slots.values()
        )

    # --- calls ----------------------------------------------------------------------------

    def choose(self) -> int | None:
        """The worker of the next call, which it has from now on: of those that answer, the one with
        the fewest calls, failed ones included. None: no worker is ready.
        """
        ready = [slot for slot in self.slots.values() if slot.state is State.READY]
        if not ready:
            return None
        slot = min(ready, key=_preference)
        slot.calls += 1
        return slot.number

    def over(self, worker: int) -> None:
        """One of its calls is over."""
        self.slots[worker].calls -= 1

    def call_ended(self, worker: int, *, failed: bool) -> None:
        """`failed`: by a fault of the worker."""
        slot = self.slots[worker]
        slot.failed_calls = min(slot.failed_calls + 1, MOST_MISTRUST) if failed else 0

    @property
    def ready_count(self) -> int:
        return sum(slot.state is State.READY for slot in self.slots.values())

    def missing_s(self, now: float) -> float:
        """How long no worker is expected; 0: one is ready."""
        if self.ready_count:
            return 0.0
        return max(1.0, min(slot.since - now for slot in self.slots.values()) + 1.0)


def _preference(slot: Slot) -> tuple[bool, int]:
    """The least is taken."""
    return slot.silence.silent_s >= DOUBTED_S, slot.calls + slot.failed_calls


def _wait_s(failures: int) -> float:
    """Before the next start: none after the first failure, then doubled."""
    if failures <= 1:
        return 0.0
    doublings = min(failures - 2, 30)  # more would overflow one day
    return min(FIRST_WAIT_S * 2.0**doublings, LONGEST_WAIT_S)
