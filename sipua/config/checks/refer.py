"""Whom a peer may name in a REFER: nobody, until it is written down."""

from __future__ import annotations

from collections.abc import Iterator

from sipua.config.checks.findings import Finding
from sipua.config.sections.config import Config
from sipua.config.sections.trunks import AccountSection, TrunkSection
from sipua.config.values.problems import KeyPath


def refer(config: Config) -> Iterator[Finding]:
    for index, account in enumerate(config.accounts):
        yield from _peer(("accounts", index), account)
    for index, trunk in enumerate(config.trunks):
        yield from _peer(("trunks", index), trunk)


def _peer(at: KeyPath, peer: AccountSection | TrunkSection) -> Iterator[Finding]:
    if peer.refer == "allow" and not peer.refer_targets:
        yield Finding(
            ((*at, "refer"), at),
            "needs `refer_targets`: without them no target may be named",
            'refer_targets = ["2??"], or ["*"] for all that `allowed_destinations` allows',
        )
    elif peer.refer == "deny" and peer.refer_targets:
        yield Finding(
            ((*at, "refer_targets"), at),
            'has no effect without refer = "allow"',
            'refer = "allow"',
            "warning",
        )
