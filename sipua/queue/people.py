"""The members of all queues: who is free, who rings, who talks, and who is left out for a while.

A person is known by the target: in two queues it is one person, who has one telephone.

    free ──offered──▶ ringing ──answers──▶ talking ──over──▶ resting (wrap-up) ─▶ free
                        ├─ called off: free at once
                        └─ busy, no answer, unreachable: resting (left out) ─▶ free

Who is in a pause or signed out is not called; a call that is up or rings goes on.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal, TypeAlias

from sipua.queue.presence import SIGNED_IN, SIGNED_OUT, Presence

PersonState: TypeAlias = Literal["free", "ringing", "talking", "resting", "paused", "signed_out"]


@dataclass(slots=True)
class _Person:
    call_id: str = ""
    """The caller that it rings for, or talks with."""
    talks: bool = False
    free_at: float = 0.0


class People:
    def __init__(self, presences: Mapping[str, Presence] | None = None) -> None:
        """`presences`: what is known of an earlier time, by the target."""
        self._all: dict[str, _Person] = {}
        self._presences = dict(presences or {})
        self._begin_out: frozenset[str] = frozenset()

    def use(self, targets: Iterable[str], begin_out: Iterable[str]) -> None:
        """`begin_out`: those who are signed out until they sign in. Of those that no queue has any
        more, the ones without a call are forgotten."""
        kept = set(targets)
        self._begin_out = frozenset(begin_out)
        self._all = {
            target: person
            for target, person in self._all.items()
            if person.call_id or target in kept
        }
        self._presences = {
            target: presence for target, presence in self._presences.items() if target in kept
        }

    @property
    def presences(self) -> Mapping[str, Presence]:
        """Of those who have said it."""
        return self._presences

    def presence(self, target: str) -> Presence:
        usual = SIGNED_OUT if target in self._begin_out else SIGNED_IN
        return self._presences.get(target, usual)

    def set_presence(self, target: str, presence: Presence) -> None:
        self._presences[target] = presence

    def signed_in(self, target: str) -> bool:
        """Also in a pause: who is in one comes back."""
        return self.presence(target).state != "signed_out"

    def state(self, target: str, now: float) -> PersonState:
        person = self._all.get(target)
        if person is not None and person.call_id:
            return "talking" if person.talks else "ringing"
        presence = self.presence(target).state
        if presence != "signed_in":
            return presence
        return "resting" if person is not None and now < person.free_at else "free"

    def free(self, target: str, now: float) -> bool:
        return self.state(target, now) == "free"

    def free_at(self, target: str) -> float | None:
        """When its rest is over; None: time alone does not make it free."""
        if self.presence(target).state != "signed_in":
            return None
        person = self._all.get(target)
        if person is None:
            return 0.0
        return None if person.call_id else person.free_at

    def ring(self, target: str, call_id: str) -> None:
        self._all[target] = _Person(call_id)

    def answer(self, target: str) -> None:
        if person := self._all.get(target):
            person.talks = True

    def release(self, target: str, call_id: str, free_at: float) -> None:
        """It rings no more for this call, or talks no more with it."""
        person = self._all.get(target)
        if person is not None and person.call_id == call_id:
            self._all[target] = _Person(free_at=free_at)
