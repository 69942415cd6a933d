"""What waits for one receiver, and when it is sent. Sans-IO: `now` (unix time) is passed in.

    lane of call A:  3 ─ 7 ─ 8        only the head of a lane is sent, so a call's events keep
    lane of call B:  4                their order, and a call that waits holds up no other one
    lane "":         1 ─ 5            events of no call share a lane

A head that was not taken is tried again by the schedule; those behind it wait. It is given up when
the schedule is over, or when it is too old: then those behind it, which are as old, get one
attempt each. A receiver that asks for less (429, 502, 504, `Retry-After`) rests, and then gets one
at a time until it takes one.

A receiver that takes batches gets groups: heads of many lanes, each with those behind it. A group
that was not taken is an attempt of its heads alone, and each of them is then sent by itself: what a
receiver refuses holds up its own call and no other one.
"""

from __future__ import annotations

import enum
import heapq
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from sipua.bridge.backoff import doubled_s, less_by_chance
from sipua.outputs.hooks.answer import LONGEST_RETRY_AFTER_S, Answer

_MORE_BY_CHANCE: Final = 0.2
_FIRST_REST_S: Final = 5.0
_LONGEST_REST_S: Final = 300.0


@dataclass(slots=True)
class Job:
    """One event for one receiver. `number` grows with the events."""

    number: int
    call_id: str
    at_s: float
    """When it happened."""
    size: int
    attempts: int = 0
    due_s: float = 0.0


class Fate(enum.Enum):
    DELIVERED = "delivered"
    LATER = "later"
    DEAD = "dead"


class EndpointQueue:
    def __init__(
        self,
        retry_s: Sequence[float],
        *,
        parallel: int,
        max_age_s: float,
        random: Callable[[], float],
        together: int = 1,
        together_bytes: int = 0,
    ) -> None:
        """`together`: the most in a group; `together_bytes`: their sizes, but for the first one."""
        self._together = together
        self._together_bytes = together_bytes
        self._groups = 0  # in flight
        self._retry_s = retry_s
        self._parallel = parallel
        self._max_age_s = max_age_s
        self._random = random
        self._lanes: dict[str, deque[Job]] = {}
        self._due: list[tuple[float, int, str]] = []  # of each lane's head that is not in flight
        self._in_flight: set[int] = set()
        self._rest_until_s = 0.0
        self._rests = 0
        self.disabled = False
        self.waiting = 0
        """Jobs, those in flight included."""
        self.bytes = 0
        """Their sizes."""

    @property
    def in_flight(self) -> int:
        return len(self._in_flight)

    def update(self, on_disk: Iterable[Job], now: float) -> None:
        """By what is on disk, in the order of the numbers: what another process lets wait again is
        added, and what is due earlier there is tried then."""
        known = {job.number: job for lane in self._lanes.values() for job in lane}
        sooner = False
        for job in on_disk:
            mine = known.get(job.number)
            if mine is None:
                job.due_s = min(job.due_s, now + self._longest_s(job.attempts))
                self.add(job)
            elif job.due_s < mine.due_s:
                mine.due_s = job.due_s
                sooner = True
        if sooner:
            self._rest_until_s = 0.0
            self._reckon()

    def shift(self, by_s: float) -> None:
        """The clock was set by so much: what was to come in an hour still does."""
        for lane in self._lanes.values():
            for job in lane:
                job.at_s += by_s
                job.due_s += by_s
        self._rest_until_s += by_s
        self._reckon()

    def add(self, job: Job) -> None:
        """Behind all others of its call."""
        lane = self._lanes.setdefault(job.call_id, deque())
        lane.append(job)
        self.waiting += 1
        self.bytes += job.size
        if len(lane) == 1:
            self._wait(job)

    def take(self, now: float) -> list[list[Job]]:
        """Those to be sent now, in groups. Each group is in flight until it is `over`, or is
        `put_back`."""
        taken: list[list[Job]] = []
        if self.disabled or now < self._rest_until_s:
            return taken
        most = 1 if self._rests else self._parallel
        while self._groups < most and (group := self._group(now)):
            self._groups += 1
            taken.append(group)
        return taken

    def _group(self, now: float) -> list[Job]:
        group: list[Job] = []
        left = self._together_bytes
        most = 1 if self._rests else self._together
        while len(group) < most and self._due and self._due[0][0] <= now:
            lane = self._lanes[self._due[0][2]]
            head = lane[0]
            if group and (head.attempts or head.size > left):
                break
            heapq.heappop(self._due)
            for job in lane:
                if job is not head and (len(group) == most or job.size > left or job.attempts):
                    break
                group.append(job)
                self._in_flight.add(job.number)
                left -= job.size
                if head.attempts:
                    return group
        return group

    def next_s(self) -> float | None:
        """When to `take` again. None: nothing can be taken before another one is added or over."""
        most = 1 if self._rests else self._parallel
        if self.disabled or not self._due or self._groups >= most:
            return None
        return max(self._due[0][0], self._rest_until_s)

    def over(self, group: Sequence[Job], answer: Answer, now: float) -> list[tuple[Job, Fate]]:
        """The attempt at a group is over; what comes of each job that it was an attempt for. One
        that is `LATER` has its new `attempts` and `due_s`."""
        self._groups -= 1
        self._adjust(answer, now)
        if answer.gone:
            self.disabled = True
        heads = {job.number for job in group if self._is_head(job)}
        fates: list[tuple[Job, Fate]] = []
        for job in group:
            self._in_flight.remove(job.number)
            if answer.ok or self.disabled or job.number in heads:
                fates.append((job, self._tried(job, answer, now)))
            elif self._is_head(job):  # the one before it was given up
                self._wait(job)
        return fates

    def _tried(self, job: Job, answer: Answer, now: float) -> Fate:
        job.attempts += 1
        if answer.ok:
            self._leave(job)
            return Fate.DELIVERED
        spent = job.attempts >= len(self._retry_s) or now - job.at_s > self._max_age_s
        if self.disabled or spent:
            self._leave(job)
            return Fate.DEAD
        pause_s = self._retry_s[job.attempts] * (1.0 + _MORE_BY_CHANCE * self._random())
        job.due_s = now + max(pause_s, answer.retry_after_s or 0.0)
        self._wait(job)
        return Fate.LATER

    def put_back(self, group: Sequence[Job], due_s: float) -> None:
        """It could not be tried, for a reason of ours: that is no attempt."""
        self._groups -= 1
        for job in group:
            self._in_flight.remove(job.number)
            if self._is_head(job):
                job.due_s = due_s
                self._wait(job)

    def drop(self, jobs: Iterable[Job]) -> None:
        """These are none any more. None of them is in flight."""
        for job in jobs:
            lane = self._lanes[job.call_id]
            lane.remove(job)
            if not lane:
                del self._lanes[job.call_id]
            self.waiting -= 1
            self.bytes -= job.size
        self._reckon()

    def give_up_all(self) -> list[Job]:
        """All that are not in flight, in their order. For a receiver that is disabled."""
        given_up: list[Job] = []
        for call_id, lane in list(self._lanes.items()):
            stays = [job for job in lane if job.number in self._in_flight]
            given_up += [job for job in lane if job.number not in self._in_flight]
            if stays:
                self._lanes[call_id] = deque(stays)
            else:
                del self._lanes[call_id]
        self._due.clear()
        self.waiting -= len(given_up)
        self.bytes -= sum(job.size for job in given_up)
        return sorted(given_up, key=lambda job: job.number)

    def _adjust(self, answer: Answer, now: float) -> None:
        """How much it gets at once from now on."""
        if answer.ok:
            self._rests = 0
            self._rest_until_s = 0.0
        elif answer.slow_down:
            rest_s = 0.0
            if now >= self._rest_until_s:  # else it was sent beside the one that began this rest
                rest_s = less_by_chance(
                    doubled_s(_FIRST_REST_S, self._rests, _LONGEST_REST_S), self._random
                )
                self._rests += 1
            rest_s = min(max(rest_s, answer.retry_after_s or 0.0), LONGEST_RETRY_AFTER_S)
            self._rest_until_s = max(self._rest_until_s, now + rest_s)

    def _longest_s(self, attempts: int) -> float:
        """The longest pause that there can be after so many; a clock that was wrong in an earlier
        run is no reason for a longer one."""
        pause_s = self._retry_s[min(attempts, len(self._retry_s) - 1)]
        return max(pause_s * (1.0 + _MORE_BY_CHANCE), LONGEST_RETRY_AFTER_S)

    def _reckon(self) -> None:
        """Which head is due when, anew."""
        heads = (lane[0] for lane in self._lanes.values())
        self._due = [
            (job.due_s, job.number, job.call_id)
            for job in heads
            if job.number not in self._in_flight
        ]
        heapq.heapify(self._due)

    def _wait(self, job: Job) -> None:
        heapq.heappush(self._due, (job.due_s, job.number, job.call_id))

    def _leave(self, job: Job) -> None:
        """The head of its lane leaves; the next one is the head."""
        lane = self._lanes[job.call_id]
        lane.popleft()
        self.waiting -= 1
        self.bytes -= job.size
        if not lane:
            del self._lanes[job.call_id]
        elif lane[0].number not in self._in_flight:
            self._wait(lane[0])

    def _is_head(self, job: Job) -> bool:
        return self._lanes[job.call_id][0] is job
