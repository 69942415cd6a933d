"""Which trunks a number is called by: trunks that there are, and one rule for each prefix. Which
numbers these calls show: pools that there are.
"""

from __future__ import annotations

from collections.abc import Iterator

from sipua.config.checks.findings import Finding
from sipua.config.sections.config import Config
from sipua.config.values.problems import KeyPath


def outbound_routes(config: Config) -> Iterator[Finding]:
    yield from _rules(config)
    yield from _carriers(config)
    yield from _pools(config)
    yield from _pools_of_trunks(config)


def _rules(config: Config) -> Iterator[Finding]:
    names: dict[str, KeyPath] = {}
    prefixes: dict[str, KeyPath] = {}
    for index, rule in enumerate(config.outbound_routes):
        name: KeyPath = ("outbound_routes", index, "name")
        first = names.setdefault(rule.name, name)
        if first is not name:
            yield Finding((name, first), "is the name of another rule", f'"{rule.name}-2"')
        path: KeyPath = ("outbound_routes", index, "prefixes")
        for prefix in rule.prefixes or ("",):
            first = prefixes.setdefault(prefix, path)
            if first is not path:
                words = f'"{prefix}"' if prefix else "any number"
                yield Finding(
                    (path, first), f"another rule has {words} already", "join the two rules"
                )


def _carriers(config: Config) -> Iterator[Finding]:
    usable = [one.name for one in config.accounts]
    usable += [one.name for one in config.trunks if one.every_server]
    for index, rule in enumerate(config.outbound_routes):
        path: KeyPath = ("outbound_routes", index, "trunks")
        if not rule.trunks:
            yield Finding((path,), "is empty: its calls go nowhere", '[{ trunk = "carrier" }]')
        seen: dict[str, KeyPath] = {}
        for place, carrier in enumerate(rule.trunks):
            key: KeyPath = (*path, place, "trunk")
            first = seen.setdefault(carrier.trunk, key)
            if first is not key:
                yield Finding((key, first), f'"{carrier.trunk}" is there twice', "remove it")
            elif carrier.trunk not in usable:
                there = ", ".join(usable) or "none in this configuration"
                words = f'there is no account or trunk "{carrier.trunk}" that we can call'
                yield Finding((key, ("trunks",)), words, f"one of: {there}")


def _pools(config: Config) -> Iterator[Finding]:
    names: dict[str, KeyPath] = {}
    owners: dict[str, KeyPath] = {}
    for index, pool in enumerate(config.number_pools):
        name: KeyPath = ("number_pools", index, "name")
        first = names.setdefault(pool.name, name)
        if first is not name:
            yield Finding((name, first), "is the name of another pool", f'"{pool.name}-2"')
        numbers: KeyPath = ("number_pools", index, "numbers")
        if not pool.numbers:
            yield Finding((numbers,), "is empty", '["+4930123456"]')
        for number in pool.numbers:
            first = owners.setdefault(number, numbers)
            if first is not numbers:
                words = f"{number} is in another pool: each would count its own calls alone"
                yield Finding((numbers, first), words, "remove it from one of them")


def _pools_of_trunks(config: Config) -> Iterator[Finding]:
    names = [pool.name for pool in config.number_pools]
    for index, trunk in enumerate(config.trunks):
        path: KeyPath = ("trunks", index, "number_pool")
        if trunk.number_pool and trunk.number_pool not in names:
            there = ", ".join(names) or "none in this configuration"
            words = f'there is no pool "{trunk.number_pool}"'
            yield Finding((path, ("number_pools",)), words, f"one of: {there}")
        if trunk.number_pool and trunk.caller_id:
            caller_id: KeyPath = ("trunks", index, "caller_id")
            yield Finding((caller_id, path), "is not shown: number_pool is", "remove one of them")
