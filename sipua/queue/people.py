"""The members of all queues: who is free, who rings, who talks, and who is left out for a while.

A person is known by the target: in two queues it is one person, who has one telephone.

    free ──offered──▶ ringing ──answers──▶ talking ──over──▶ wrap-up ─▶ free
                        ├─ called off: free at once
                        └─ busy, no answer, unreachable: left out ─▶ free
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

PersonState: TypeAlias = Literal["free", "ringing", "talking", "paused"]


@dataclass(slots=True)
class _Person:
    call_id: str = ""
    """The caller that it rings for, or talks with."""
    talks: bool = False
    free_at: float = 0.0


class People:
    def __init__(self) -> None:
        self._all: dict[str, _Person] = {}

    def state(self, target: str, now: float) -> PersonState:
        person = self._all.get(target)
        if person is None:
            return "free"
        if person.call_id:
            return "talking" if person.talks else "ringing"
        return "paused" if now < person.free_at else "free"

    def free(self, target: str, now: float) -> bool:
        return self.state(target, now) == "free"

    def free_at(self, target: str) -> float | None:
        """When its pause is over; None: it rings or talks."""
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

    def forget_others(self, targets: set[str]) -> None:
        """Of those that no queue has any more, the ones without a call."""
        self._all = {
            target: person
            for target, person in self._all.items()
            if person.call_id or target in targets
        }
