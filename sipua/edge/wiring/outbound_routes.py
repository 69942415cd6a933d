"""From `[[outbound_routes]]` to how a call's trunks are chosen, and the choice in words."""

from __future__ import annotations

import random
from typing import Any

from sipua.config import Config
from sipua.edge.wiring import parties
from sipua.sip.parties import allowed, outbound


def rules(config: Config) -> tuple[outbound.Rule, ...]:
    return tuple(
        outbound.Rule(
            rule.name,
            rule.prefixes,
            tuple(outbound.Carrier(one.trunk, one.price, one.weight) for one in rule.trunks),
            rule.order,
        )
        for rule in config.outbound_routes
    )


def ways_of(config: Config, number: str) -> dict[str, Any]:
    """By which trunks this number is called, for people: the choice, and why."""
    number = number.removeprefix("tel:")
    choice = outbound.choose(rules(config), number, random.Random(0))  # noqa: S311
    if choice is None:
        return {"number": number, "rule": "", "prefix": "", "order": "", "trunks": []}
    rule = choice.rule
    carriers = rule.carriers
    if rule.order == "price":  # not as it was drawn: another call draws again
        carriers = tuple(sorted(carriers, key=lambda one: (one.price, -one.weight)))
    return {
        "number": number,
        "rule": rule.name,
        "prefix": choice.prefix,
        "order": rule.order,
        "trunks": [_way(config, number, one, rule) for one in carriers],
    }


def _way(
    config: Config, number: str, carrier: outbound.Carrier, rule: outbound.Rule
) -> dict[str, Any]:
    trunk = parties.trunk_named(config, carrier.trunk)
    called = parties.form_of_ours(trunk).of(number)
    refused = allowed.refused_by(called, trunk.allowed_destinations) if trunk else ""
    equals = [one.weight for one in rule.carriers if one.price == carrier.price]
    together = sum(equals)
    share = carrier.weight / together if rule.order == "price" and together else 1.0
    return {
        "trunk": carrier.trunk,
        "price": carrier.price,
        "weight": carrier.weight,
        "first": round(share, 3),
        "to": parties.form_out(trunk).of(called),
        "refused": f"allowed_destinations: {refused}" if refused else "",
    }
