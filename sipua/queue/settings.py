"""What a queue is, for the edge: by whom its callers are served, and how many may wait."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

Strategy: TypeAlias = Literal["ring_all", "round_robin", "in_order"]


@dataclass(frozen=True, slots=True)
class Member:
    """A person who serves callers."""

    name: str
    target: str
    """A SIP URI, or a number at the queue's account. In several queues it is the same person."""
    signed_in: bool = True
    """At the beginning; in several queues: if one of them says so."""


@dataclass(frozen=True, slots=True)
class QueueSettings:
    name: str
    max_calls: int = 0
    """Callers that its agent has at once; of no use in a queue with members."""
    members: tuple[Member, ...] = ()
    """Empty: an agent serves its callers."""
    strategy: Strategy = "ring_all"
    ring_s: float = 20.0
    wrap_up_s: float = 0.0
    """A member's pause behind a call."""
    retry_s: float = 30.0
    """So long a member who was busy, or did not answer, is left out."""
    account: str = ""
    """Which members are called by; empty: as for a transfer."""
    max_callers: int = 20
    leaves_empty: bool = False
    """Whether callers leave when none of its members is signed in."""
