"""`sipua doctor --config`: the host names of trunks and registrars, looked up as an edge would."""

from __future__ import annotations

import asyncio

from sipua.config import Config
from sipua.doctor.findings import Finding, Level
from sipua.edge.wiring import wiring
from sipua.sip.dns.lookup import Lookup
from sipua.sip.dns.names import Name, NotFound, Outcome


def examine(config: Config) -> list[Finding]:
    """Look up all names at once. Empty when the configuration has addresses only."""
    gate = wiring.admission(config, max_calls=0)
    outcomes = asyncio.run(_look_up(Lookup(config.sip.nameservers), gate.names))
    return [
        check_name(owner, name, outcome)
        for name, outcome in zip(gate.names, outcomes, strict=True)
        for owner in gate.owners(name)
    ]


async def _look_up(look_up: Lookup, names: tuple[Name, ...]) -> list[Outcome]:
    return await asyncio.gather(*(look_up(name) for name in names))


def check_name(owner: str, name: Name, outcome: Outcome) -> Finding:
    """`owner`: the trunk or account that has this name."""
    what = f"name of {owner}"
    if isinstance(outcome, NotFound):
        value = f"{name.host}: {outcome.cause}"
        return Finding(
            Level.WARN,
            what,
            value,
            "its calls are refused until it is resolved: see `sip.nameservers`, /etc/resolv.conf "
            f"and `getent hosts {name.host}`",
        )
    value = f"{name.host}: {', '.join(outcome.every_address)}"
    if outcome.missing:
        return Finding(Level.WARN, what, value, f"a part is not known: {outcome.missing}")
    return Finding(Level.OK, what, value)
