"""One of the people in a call, and what was wrong with the call when it has ended."""

from __future__ import annotations

from dataclasses import dataclass

from sipua.bench.life.leg import Leg
from sipua.bench.life.parts import PERSON, Act, End, Kind, Target, judged
from sipua.bench.life.phone import KeyPhone


@dataclass(slots=True)
class Party:
    """A call, or a second leg of one."""

    name: str
    leg: Leg
    phone: KeyPhone
    born_s: float
    kind: Kind | None
    target: Target | None
    acts: list[Act]
    lasts_s: float
    up_s: float | None = None
    excused: bool = False
    cancelled: bool = False
    told_s: float | None = None
    """When it took a REFER; what became of it is told a moment later."""
    acted: bool = False


def end_of(leg: Leg) -> End | None:
    """How a call has ended; None: as none may."""
    if leg.state == "failed":
        if leg.status == 487:
            return "cancelled"
        return "refused" if leg.status in (486, 603) else None
    if leg.ended_by == "us" and leg.bye_status in (0, 200):
        return "us"
    return "edge" if leg.ended_by == "edge" else None


def fault_of(party: Party, now: float) -> str:
    """What was wrong with a call that has ended, in words; empty: nothing."""
    leg, kind = party.leg, party.kind
    assert kind is not None
    end = end_of(leg)
    if not judged(kind, end):
        if leg.state == "failed":
            return "no answer to INVITE" if leg.status == 408 else f"INVITE: {leg.status}"
        if leg.ended_by == "us":
            return "no answer to BYE" if leg.bye_status == 408 else f"BYE: {leg.bye_status}"
        return "hung up by the edge"
    if party.up_s is not None and now - party.up_s > 2 and not party.phone.received:
        return "no audio from the edge"
    wanted = next((act.what for act in kind.acts if act.do == "refer"), "")
    if wanted and leg.referred != 202:
        return f"REFER: {leg.referred or 'no answer'}"
    if wanted and leg.notified[-1:] != [200 if wanted == PERSON else 486]:
        return f"REFER: NOTIFY {leg.notified[-1:]}"
    return ""
