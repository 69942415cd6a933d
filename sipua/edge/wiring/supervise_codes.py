"""From the configuration to the codes that are dialled for supervising and fetching calls."""

from __future__ import annotations

from sipua.calls.supervise.codes import CodeRule
from sipua.config import Config


def rules(config: Config) -> tuple[CodeRule, CodeRule]:
    """Of supervisors, and of parked calls."""
    supervise, park = config.supervise, config.park
    return (
        CodeRule("supervise", supervise.prefix, supervise.accounts, supervise.callers),
        CodeRule("park", park.prefix, park.accounts, park.callers),
    )
