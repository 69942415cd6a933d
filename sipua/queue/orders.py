"""What a call and the edge tell each other about its place in a queue. Plain data, which crosses
the link.

    call ── JoinQueue ────▶ edge
         ◀── QueuePlace ───       again whenever the place has changed
         ◀── QueueTurn ────       an agent may take the call
         ◀── QueueOffer ───       these people are to be called
         ── OfferEnded ───▶       who has answered, or why nobody has
         ◀── QueueRefused ─       there is no such queue, no room in it, or nobody
         ── LeaveQueue ───▶       by a key or after too long; the end of the call says the same

A call is in one queue at a time, and is served by one agent or person at a time: to join is to
leave what was before.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal, TypeAlias


@dataclass(frozen=True, slots=True)
class JoinQueue:
    call_id: str
    queue: str
    priority: int = 0
    """Higher ones come first."""
    waited_s: float = 0.0
    """What it has waited already: a caller who comes back has the place of then."""
    route: str = ""
    """Of the agent who would take the call."""


@dataclass(frozen=True, slots=True)
class LeaveQueue:
    call_id: str


@dataclass(frozen=True, slots=True)
class OfferEnded:
    call_id: str
    offer: int
    answered: str = ""
    """The member; empty: none of them."""
    failed: dict[str, str] = field(default_factory=dict)
    """Members, with the cause; those that are not named were called off."""


@dataclass(frozen=True, slots=True)
class QueuePlace:
    call_id: str
    position: int
    """From 1."""
    wait_s: float | None = None
    """As far as it can be estimated."""


@dataclass(frozen=True, slots=True)
class QueueTurn:
    call_id: str


@dataclass(frozen=True, slots=True)
class QueueOffer:
    call_id: str
    offer: int
    members: dict[str, str]
    """Names, with their targets; all are called at once, and the first who answers has the call."""
    account: str
    ring_s: float


@dataclass(frozen=True, slots=True)
class QueueRefused:
    call_id: str
    cause: Literal["full", "empty", "unknown"]
    """`empty`: no member is signed in; also told to one who waits already."""


QueueOrder: TypeAlias = JoinQueue | LeaveQueue | OfferEnded
QueueNews: TypeAlias = QueuePlace | QueueTurn | QueueOffer | QueueRefused
