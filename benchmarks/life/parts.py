"""What happens in a life: the kinds of calls, and what callers, targets and operator do in them.

A caller calls the user that a kind is named after; a route of that name takes the call. An operator
(the API) acts in the calls of some kinds. Targets are called by the edge, and do what their user
says. Times are seconds since the answer.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

Do = Literal["hold", "resume", "press", "info", "refer", "cancel"]
End = Literal["us", "edge", "refused", "cancelled"]


@dataclass(frozen=True, slots=True)
class Act:
    """Of the caller."""

    at_s: float
    do: Do
    what: str = ""


@dataclass(frozen=True, slots=True)
class Order:
    """Of the operator: a request to the API about the call."""

    at_s: float
    path: str
    body: Mapping[str, Any] = field(default_factory=dict)
    of_people: bool = False
    """`to` is a user of the people: the whole URI is to be put in its place."""


@dataclass(frozen=True, slots=True)
class Kind:
    weight: int
    lasts_s: tuple[float, float]
    """The caller hangs up then, if it is still up."""
    acts: tuple[Act, ...] = ()
    orders: tuple[Order, ...] = ()
    ends: frozenset[End] = frozenset(("us",))
    """How it may end, if all is well."""
    placed: bool = False
    """The edge calls, because the operator asks for it."""
    recorded: bool = False
    refers_well: bool = True
    """What the caller answers when the edge asks it to call the target of a transfer."""


PERSON, BUSY = "7001", "7486"
"""Numbers of people that callers put in their place."""

_EITHER: frozenset[End] = frozenset(("us", "edge"))
_EDGE: frozenset[End] = frozenset(("edge",))


def _transfer(to: str, mode: str) -> tuple[Order, ...]:
    return (Order(4, "transfer", {"to": to, "mode": mode}),)


KINDS: Mapping[str, Kind] = {
    "talk": Kind(10, (8, 20), recorded=True),
    "talk-long": Kind(2, (40, 90)),
    "keys": Kind(4, (8, 14), (Act(2, "press", "4"), Act(4, "info", "7"), Act(5, "press", "#"))),
    "hold": Kind(4, (10, 16), (Act(3, "hold"), Act(7, "resume")), recorded=True),
    "held": Kind(
        3, (10, 14), orders=(Order(3, "hold", {"on": True}), Order(6, "hold", {"on": False}))
    ),
    "menu": Kind(4, (8, 14), (Act(2, "press", "1"),)),
    "menu-out": Kind(2, (20, 20), (Act(2, "press", "9"),), ends=_EDGE),
    "gives-up": Kind(3, (1, 1), (Act(0, "cancel"),), ends=frozenset(("us", "cancelled"))),
    "queue": Kind(5, (14, 20), ends=_EITHER),
    "queue-left": Kind(2, (2, 5)),
    "shaky": Kind(6, (14, 26), ends=_EITHER),
    "referred-out": Kind(3, (20, 20), orders=_transfer("colleague", "refer"), ends=_EDGE),
    "referred-back": Kind(2, (12, 14), orders=_transfer("colleague", "refer"), refers_well=False),
    "refers": Kind(3, (14, 18), (Act(4, "refer", PERSON),), ends=_EITHER),
    "refers-busy": Kind(2, (10, 12), (Act(4, "refer", BUSY),)),
    "joined": Kind(4, (14, 18), orders=_transfer("colleague", "dial"), ends=_EITHER),
    "joined-busy": Kind(2, (10, 12), orders=_transfer("busy", "dial")),
    "joined-left": Kind(2, (12, 14), orders=_transfer("brief", "dial"), ends=_EITHER),
    "warm": Kind(4, (22, 26), orders=_transfer("accepts", "warm"), ends=_EITHER),
    "warm-declined": Kind(2, (18, 22), orders=_transfer("declines", "warm")),
    "warm-left": Kind(2, (7, 8), orders=_transfer("accepts", "warm")),
    "supervised": Kind(
        2,
        (12, 14),
        orders=(Order(3, "supervisors", {"to": "colleague", "mode": "listen"}, of_people=True),),
    ),
    "told": Kind(
        3,
        (8, 12),
        orders=(
            Order(2, "inject", {"text": "The caller is a member.", "respond": True}),
            Order(3, "dtmf", {"digits": "12"}),
            Order(4, "say", {"text": "One moment."}),
            Order(5, "metadata", {"values": {"order": "4711"}}),
        ),
    ),
    "ended": Kind(2, (20, 20), orders=(Order(4, "hangup", {"detail": "life"}),), ends=_EDGE),
    "placed": Kind(5, (8, 14), placed=True, ends=_EITHER),
    "placed-busy": Kind(1, (8, 8), placed=True, ends=frozenset(("refused",))),
}


@dataclass(frozen=True, slots=True)
class Target:
    """What one does that the edge calls."""

    rings_s: float = 0.3
    refuses: int = 0
    press: str = ""
    """4 s after the answer."""
    lasts_s: tuple[float, float] = (8, 14)


TARGETS: Mapping[str, Target] = {
    "colleague": Target(),
    "member": Target(lasts_s=(5, 8)),
    "busy": Target(refuses=486),
    "brief": Target(lasts_s=(0.5, 1)),
    "accepts": Target(press="1"),
    "declines": Target(press="2", lasts_s=(20, 30)),
    PERSON: Target(),
    BUSY: Target(refuses=486),
    "placed": Target(lasts_s=KINDS["placed"].lasts_s),
    "placed-busy": Target(refuses=486),
}
PRESSES_AT_S = 5.0
LONGEST_USUAL_S = 26.0
"""Of all kinds but one: at the end of a life that one is not waited for."""


def judged(kind: Kind, end: End | None) -> bool:
    """Whether a call of this kind may end so."""
    return end is not None and end in kind.ends
