"""By which trunks a number is called: rules by prefix, the cheapest first. No clock and no I/O."""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Literal, TypeAlias

from sipua.sip.dns.names import by_priority
from sipua.sip.parties.numbers import plain

Order: TypeAlias = Literal["price", "listed"]


@dataclass(frozen=True, slots=True)
class Carrier:
    """A trunk that a rule names."""

    trunk: str
    price: float = 0.0
    weight: int = 100


@dataclass(frozen=True, slots=True)
class Rule:
    name: str
    prefixes: tuple[str, ...]
    """What a number begins with; empty: any."""
    carriers: tuple[Carrier, ...]
    order: Order = "price"


@dataclass(frozen=True, slots=True)
class Choice:
    rule: Rule
    prefix: str
    """The one that fits."""
    carriers: tuple[Carrier, ...]
    """In the order in which the call tries them."""


@dataclass(frozen=True, slots=True)
class _Ranked:
    carrier: Carrier
    priority: int
    weight: int


def choose(rules: Iterable[Rule], number: str, rng: random.Random) -> Choice | None:
    """The rule whose prefix fits best: the longest. None: no rule fits."""
    number = plain(number) or number
    fitting = max(_fitting(rules, number), key=lambda one: len(one[1]), default=None)
    if fitting is None:
        return None
    rule, prefix = fitting
    return Choice(rule, prefix, _in_order(rule, rng))


def _fitting(rules: Iterable[Rule], number: str) -> Iterator[tuple[Rule, str]]:
    for rule in rules:
        for prefix in rule.prefixes or ("",):
            if number.startswith(prefix):
                yield rule, prefix


def _in_order(rule: Rule, rng: random.Random) -> tuple[Carrier, ...]:
    """Among those of the same price a draw by weight."""
    if rule.order == "listed":
        return rule.carriers
    prices = sorted({one.price for one in rule.carriers})
    ranked = (_Ranked(one, prices.index(one.price), one.weight) for one in rule.carriers)
    return tuple(one.carrier for one in by_priority(ranked, rng))
