"""Whether the edge has kept what it promises, and whether its report is what was on the wire."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any, Final

from sipua.bench.experiments.campaign import cast, wire
from sipua.bench.experiments.campaign.cast import Cast
from sipua.bench.experiments.campaign.wire import Call

_LATE_S: Final = 1.5
"""So late a receiver on a busy machine may see a message."""
_WINDOW_S: Final = 10.0

Fields = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Told:
    """What the edge says of a campaign."""

    report: Fields
    contacts: Sequence[Fields]


def faults(
    plan: Cast, calls: Sequence[Call], told: Mapping[str, Told], killed_s: float
) -> list[str]:
    """In words; empty: all was kept. `killed_s`: 0: the edge was not killed."""
    return [
        *_of_numbers(plan, calls),
        *_of_caps(plan, calls, killed_s),
        *_of_reports(plan, calls, told, killed_s),
    ]


def _of_numbers(plan: Cast, calls: Sequence[Call]) -> Iterator[str]:
    for number, of_number in wire.by_number(calls).items():
        if not cast.may_be_called(number):
            yield f"{number} was called, and must not be"
        if number not in plan.numbers:
            yield f"{number} was called, and is in no campaign"
        if len(of_number) > cast.ATTEMPTS_PER_DAY:
            yield f"{number} was called {len(of_number)} times in a day"
        if wire.overlaps(of_number):
            yield f"{number} was called while it was being called"
        for trunk in {one.trunk for one in of_number}:
            yield from _too_early([one for one in of_number if one.trunk == trunk])


def _too_early(of_campaign: Sequence[Call]) -> Iterator[str]:
    """`of_campaign`: calls of one number."""
    for first, again in pairwise(of_campaign):
        outcome = outcome_of(first)
        delay_s = cast.RETRY_S.get(outcome)
        end_s = first.until_s
        if delay_s is None:
            yield f"{first.number} was called again after `{outcome}`"
        elif again.begun_s < end_s + delay_s - _LATE_S:
            yield f"{first.number} was called again {again.begun_s - end_s:.1f} s after `{outcome}`"


def _of_caps(plan: Cast, calls: Sequence[Call], killed_s: float) -> Iterator[str]:
    for name, of_cap, at_once, rate in caps(plan, calls):
        most = wire.most_at_once(wire.cut(of_cap, killed_s))
        if most > at_once:
            yield f"{name}: {most} calls at once, and at most {at_once} may be"
        if rate and wire.most_in(of_cap, _WINDOW_S) > rate * (_WINDOW_S + _LATE_S) + 1:
            yield f"{name}: {wire.most_in(of_cap, _WINDOW_S)} calls began in {_WINDOW_S:g} s"


def caps(plan: Cast, calls: Sequence[Call]) -> Iterator[tuple[str, Sequence[Call], int, float]]:
    """Each with its calls, how many may be up at once, and begin in a second (0: no bound)."""
    yield "all campaigns", calls, plan.max_calls, plan.calls_per_second
    for campaign in plan.campaigns:
        own = [one for one in calls if one.trunk == campaign.trunk]
        yield f"campaign {campaign.name}", own, campaign.max_calls, campaign.calls_per_second
    for trunk in plan.trunks:
        own = [one for one in calls if one.trunk == trunk.name]
        yield f"trunk {trunk.name}", own, trunk.max_calls, 0.0


def _of_reports(
    plan: Cast, calls: Sequence[Call], told: Mapping[str, Told], killed_s: float
) -> Iterator[str]:
    for campaign in plan.campaigns:
        own = wire.by_number(one for one in calls if one.trunk == campaign.trunk)
        of_it = told[campaign.name]
        yield from _adds_up(campaign.name, len(campaign.numbers), of_it)
        made: Counter[str] = Counter()
        for contact in of_it.contacts:
            number = contact["number"]
            yield from _of_contact(contact, own.get(number, []), killed_s)
            made.update(_outcomes(contact, own.get(number, [])))
        attempts = Counter({name: n for name, n in of_it.report["attempts"].items() if n})
        if attempts != made:
            yield f"{campaign.name}: the report has {dict(attempts)}, the wire {dict(made)}"


def _adds_up(name: str, count: int, told: Told) -> Iterator[str]:
    report, states = told.report, Counter(one["state"] for one in told.contacts)
    done = sum(report["done"].values())
    if not report["contacts"] == count == len(told.contacts):
        yield f"{name}: {report['contacts']} contacts, and {count} were given"
    if (report["waiting"], report["calling"], done) != (
        states["waiting"],
        states["calling"],
        states["done"],
    ):
        yield f"{name}: the report says {report}, its contacts are {dict(states)}"
    if report["contacts"] != report["waiting"] + report["calling"] + done:
        yield f"{name}: the report does not add up: {report}"


def _of_contact(contact: Fields, seen: Sequence[Call], killed_s: float) -> Iterator[str]:
    number, outcome = contact["number"], contact.get("outcome", "")
    if not cast.may_be_called(number):
        # What was about to be called when the edge was killed is not known, and was not asked for.
        told = (contact["state"], outcome, bool(contact.get("rule")))
        if told not in (("done", "blocked", True), ("done", "unknown", False)):
            yield f"{number}: {contact}, and it must not be called"
        return
    if outcome == "unknown":
        # Its INVITE has left, or was about to.
        if not contact["attempts"] - 1 <= len(seen) <= contact["attempts"]:
            yield f"{number}: {contact['attempts']} attempts, and {len(seen)} INVITEs"
        if len(seen) == contact["attempts"] and seen[-1].begun_s > killed_s:
            yield f"{number}: `unknown`, and it was called after the kill"
        return
    if contact["attempts"] != len(seen):
        yield f"{number}: {contact['attempts']} attempts, and {len(seen)} INVITEs"
    elif seen and outcome_of(seen[-1]) != outcome:
        yield f"{number}: {outcome}, and on the wire it was {outcome_of(seen[-1])}"


def _outcomes(contact: Fields, seen: Sequence[Call]) -> list[str]:
    """Of its attempts, by the wire; what the edge does not know, as it says."""
    found = [outcome_of(one) for one in seen]
    if contact.get("outcome") == "unknown":
        found = [*found[: contact["attempts"] - 1], "unknown"]
    return found


def outcome_of(call: Call) -> str:
    """What the edge must have found: who is behind the number, and what was said on the wire."""
    if call.outcome == "answered":
        return cast.part_of(call.number)
    return call.outcome or "no_answer"
