"""All queues of an edge: who waits, and who serves whom. No clock and no I/O.

    join ─▶ waiting ──┬─ a slot of the agent is free ──▶ QueueTurn ──────────────▶ served
              ▲  │    └─ a member is free ──▶ QueueOffer ─▶ ringing ── answered ──▶ served
              │  │                                             │
              │  └─ leave, over                                └─ not answered: waiting, as before
              └──────────────────── a member who hangs up at once: `join` with what was waited

Who has the higher priority comes first, then who has waited longest: over all queues, because a
member may be in several. When the last member has signed out, callers of a queue that says so are
sent away (QueueRefused); otherwise they wait on. A call that is over gives back what it had.
`deadline` is when a member is free again by time alone.
"""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from sipua.queue.estimate import Estimate
from sipua.queue.orders import QueueNews, QueueOffer, QueuePlace, QueueRefused, QueueTurn
from sipua.queue.people import People, PersonState
from sipua.queue.presence import Presence
from sipua.queue.settings import Member, QueueSettings
from sipua.queue.slots import EngineSlots


@dataclass(slots=True)
class _Caller:
    call_id: str
    queue: str
    priority: int
    since: float
    number: int
    engine: str = ""
    """Of the agent who would take the call."""
    offer: int = 0
    """0: none rings for it."""
    ringing: dict[str, str] = field(default_factory=dict)
    """Members by name, with their targets."""
    told: int = 0
    """The position that it knows."""


@dataclass(slots=True)
class _Served:
    queue: str
    target: str
    """Empty: by the agent."""
    since: float


@dataclass(frozen=True, slots=True)
class Waiting:
    call_id: str
    position: int
    waited_s: float
    priority: int
    ringing: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class MemberState:
    name: str
    state: PersonState
    presence: Presence


@dataclass(frozen=True, slots=True)
class QueueState:
    """To look at."""

    name: str
    waiting: tuple[Waiting, ...]
    serving: int
    """Callers that are served."""
    servers: int
    """Members who are signed in, or slots of the agent."""
    members: tuple[MemberState, ...]
    wait_s: float | None
    """Of one who joined now."""

    @property
    def longest_s(self) -> float:
        return max((one.waited_s for one in self.waiting), default=0.0)


class Queues:
    def __init__(
        self,
        settings: Iterable[QueueSettings] = (),
        presences: Mapping[str, Presence] | None = None,
    ) -> None:
        """`presences`: what members have said earlier, by the target."""
        self._settings = {one.name: one for one in settings}
        self._leaving: dict[str, QueueSettings] = {}
        """Those that the configuration has no more, and whose callers are served to the end."""
        self._callers: dict[str, _Caller] = {}
        self._served: dict[str, _Served] = {}
        self._people = People(presences)
        self.slots = EngineSlots()
        self._estimates: dict[str, Estimate] = {}
        self._last_rung: dict[str, str] = {}
        """Of each queue the member who was called last."""
        self._numbers = itertools.count(1)
        self._forget_unused()

    def use(self, settings: Iterable[QueueSettings], now: float) -> list[QueueNews]:
        """Another configuration: who waits keeps the place."""
        old = {**self._leaving, **self._settings}
        self._settings = {one.name: one for one in settings}
        self._leaving = {name: one for name, one in old.items() if name not in self._settings}
        self._forget_unused()
        return self._serve(now)

    # --- what happens ---------------------------------------------------------------------

    def join(
        self,
        call_id: str,
        queue: str,
        now: float,
        *,
        priority: int = 0,
        waited_s: float = 0.0,
        engine: str = "",
    ) -> list[QueueNews]:
        """An agent that the call had until now has left it. `engine`: of the one who would serve
        it."""
        self.slots.give_back(call_id)
        self.slots.over(call_id)  # it may have an agent again, though a person had it
        again = self._served.get(call_id)
        if again is not None and again.target:  # the member has hung up at once
            self._give_back(call_id, now, self._of(again.queue).retry_s)
        self._take_away(call_id, now)
        settings = self._settings.get(queue) or self._leaving.get(queue)
        if settings is None:
            return [QueueRefused(call_id, "unknown"), *self._serve(now)]
        waiting = sum(one.queue == queue for one in self._callers.values())
        since, number = now - max(0.0, waited_s), next(self._numbers)
        self._callers[call_id] = _Caller(call_id, queue, priority, since, number, engine)
        news = self._assign(now)
        caller = self._callers.get(call_id)
        if waiting >= settings.max_callers and caller is not None and not caller.offer:
            del self._callers[call_id]  # its turn has not come at once, and it may not wait
            news.append(QueueRefused(call_id, "full"))
        return self._with_places(news)

    def leave(self, call_id: str, now: float) -> list[QueueNews]:
        """The caller waits no more, or has an agent or a person no more: by choice, or the call is
        over."""
        had_slot = self.slots.give_back(call_id)
        if not had_slot and call_id not in self._callers and call_id not in self._served:
            return []
        self._take_away(call_id, now)
        return self._serve(now)

    def offer_ended(
        self, call_id: str, offer: int, answered: str, failed: Iterable[str], now: float
    ) -> list[QueueNews]:
        caller = self._callers.get(call_id)
        if caller is None or caller.offer != offer:
            return []
        settings = self._of(caller.queue)
        target = caller.ringing.pop(answered, "")
        out = set(failed)
        for name, other in caller.ringing.items():
            self._people.release(other, call_id, now + settings.retry_s if name in out else now)
        caller.offer, caller.ringing = 0, {}
        if target:
            del self._callers[call_id]
            self._people.answer(target)
            self._served[call_id] = _Served(caller.queue, target, now)
        return self._serve(now)

    def agent_left(self, call_id: str, now: float) -> list[QueueNews]:
        """The call goes on without its agent, for good: a person has it."""
        served = self._served.get(call_id)
        if served is not None and served.target:
            return []
        self.slots.leave(call_id)
        return self.leave(call_id, now)

    def taken_over(self, call_id: str, now: float) -> list[QueueNews]:
        """A supervisor has the call: its agent, or the person it was put through to, is free."""
        self.slots.leave(call_id)
        return self.leave(call_id, now)

    def agent_lost(self, call_id: str, now: float) -> list[QueueNews]:
        """Its engine is gone. The call may wait for another agent already."""
        return [] if call_id in self._callers else self.leave(call_id, now)

    def set_presence(self, target: str, presence: Presence, now: float) -> list[QueueNews]:
        """Of a member, in all queues."""
        self._people.set_presence(target, presence)
        return self._serve(now)

    @property
    def presences(self) -> Mapping[str, Presence]:
        """Of the members who have said it, by the target."""
        return self._people.presences

    def members(self) -> dict[str, list[tuple[str, str]]]:
        """By the target: in which queues, and under which names."""
        found: dict[str, list[tuple[str, str]]] = {}
        for queue in self._settings.values():
            for member in queue.members:
                found.setdefault(member.target, []).append((queue.name, member.name))
        return found

    def expire(self, now: float) -> list[QueueNews]:
        return self._serve(now)

    def deadline(self, now: float) -> float | None:
        """When `expire` is due; None: nothing is due by time alone."""
        wanted = {one.queue for one in self._callers.values() if not one.offer}
        targets = {member.target for name in wanted for member in self._of(name).members}
        ends = (self._people.free_at(target) for target in targets)
        return min((end for end in ends if end is not None and end > now), default=None)

    def states(self, now: float) -> list[QueueState]:
        return [
            self._state(one, now) for one in (*self._settings.values(), *self._leaving.values())
        ]

    def __len__(self) -> int:
        """Callers who wait or are served."""
        return len(self._callers) + len(self._served)

    # --- who serves whom ------------------------------------------------------------------

    def _serve(self, now: float) -> list[QueueNews]:
        return self._with_places(self._assign(now))

    def _with_places(self, news: list[QueueNews]) -> list[QueueNews]:
        self._forget_unused()
        return [*news, *self._places()]

    def _assign(self, now: float) -> list[QueueNews]:
        news: list[QueueNews] = []
        serving = Counter(one.queue for one in self._served.values() if not one.target)
        for caller in sorted(self._callers.values(), key=_order):
            settings = self._of(caller.queue)
            if caller.offer:
                continue
            if self._sends_away(settings):
                del self._callers[caller.call_id]
                news.append(QueueRefused(caller.call_id, "empty"))
            elif settings.members:
                if chosen := self._chosen(settings, now):
                    news.append(self._offer(caller, settings, chosen))
            elif serving[caller.queue] < settings.max_calls and self.slots.room(caller.engine):
                self.slots.take(caller.call_id, caller.engine)
                serving[caller.queue] += 1
                del self._callers[caller.call_id]
                self._served[caller.call_id] = _Served(caller.queue, "", now)
                news.append(QueueTurn(caller.call_id))
        return news

    def _chosen(self, settings: QueueSettings, now: float) -> list[Member]:
        members = list(settings.members)
        if settings.strategy == "round_robin":
            names = [member.name for member in members]
            last = self._last_rung.get(settings.name)
            begin = names.index(last) + 1 if last in names else 0
            members = [*members[begin:], *members[:begin]]
        free = [member for member in members if self._people.free(member.target, now)]
        return free if settings.strategy == "ring_all" else free[:1]

    def _offer(self, caller: _Caller, settings: QueueSettings, chosen: list[Member]) -> QueueOffer:
        caller.offer = next(self._numbers)
        caller.ringing = {member.name: member.target for member in chosen}
        self._last_rung[settings.name] = chosen[-1].name
        for member in chosen:
            self._people.ring(member.target, caller.call_id)
        ringing = dict(caller.ringing)
        return QueueOffer(caller.call_id, caller.offer, ringing, settings.account, settings.ring_s)

    def _sends_away(self, settings: QueueSettings) -> bool:
        return settings.leaves_empty and not self._servers(settings)

    def _servers(self, settings: QueueSettings) -> int:
        if not settings.members:
            return settings.max_calls
        return sum(self._people.signed_in(one.target) for one in settings.members)

    def _take_away(self, call_id: str, now: float) -> None:
        caller = self._callers.pop(call_id, None)
        if caller is not None:
            for target in caller.ringing.values():
                self._people.release(target, call_id, now)
        if served := self._served.get(call_id):
            self._give_back(call_id, now, self._of(served.queue).wrap_up_s)

    def _give_back(self, call_id: str, now: float, pause_s: float) -> None:
        """Who served the call is free again, after so long."""
        served = self._served.pop(call_id)
        if served.target:
            self._people.release(served.target, call_id, now + pause_s)
        self._estimate(served.queue).served(now - served.since + pause_s)

    # --- places ---------------------------------------------------------------------------

    def _places(self) -> list[QueueNews]:
        """For those whose position has changed."""
        news: list[QueueNews] = []
        positions: Counter[str] = Counter()
        for caller in sorted(self._callers.values(), key=_order):
            positions[caller.queue] += 1
            position = positions[caller.queue]
            if position != caller.told:
                caller.told = position
                news.append(
                    QueuePlace(caller.call_id, position, self._wait_s(caller.queue, position))
                )
        return news

    def _wait_s(self, queue: str, position: int) -> float | None:
        return self._estimate(queue).wait_s(position, self._servers(self._of(queue)))

    def _estimate(self, queue: str) -> Estimate:
        return self._estimates.setdefault(queue, Estimate())

    def _of(self, queue: str) -> QueueSettings:
        return self._settings.get(queue) or self._leaving[queue]

    def _forget_unused(self) -> None:
        used = {one.queue for one in self._callers.values()}
        used |= {one.queue for one in self._served.values()}
        for name in [name for name in self._leaving if name not in used]:
            del self._leaving[name]
            self._estimates.pop(name, None)
            self._last_rung.pop(name, None)
        every = (*self._settings.values(), *self._leaving.values())
        members = [one for queue in every for one in queue.members]
        present = {one.target for one in members if one.signed_in}
        targets = {one.target for one in members}
        self._people.use(targets, targets - present)

    def _state(self, settings: QueueSettings, now: float) -> QueueState:
        callers = [one for one in self._callers.values() if one.queue == settings.name]
        waiting = tuple(
            Waiting(one.call_id, place, now - one.since, one.priority, tuple(one.ringing))
            for place, one in enumerate(sorted(callers, key=_order), 1)
        )
        return QueueState(
            name=settings.name,
            waiting=waiting,
            serving=sum(one.queue == settings.name for one in self._served.values()),
            servers=self._servers(settings),
            members=tuple(
                MemberState(
                    one.name,
                    self._people.state(one.target, now),
                    self._people.presence(one.target),
                )
                for one in settings.members
            ),
            wait_s=self._wait_s(settings.name, len(waiting) + 1),
        )


def _order(caller: _Caller) -> tuple[int, float, int]:
    return -caller.priority, caller.since, caller.number
