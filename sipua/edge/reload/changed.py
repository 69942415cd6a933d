"""What a reload changes, for the parts of the edge that are to use it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from sipua.config import Config
from sipua.config.change.plan import Plan


@dataclass(frozen=True, slots=True)
class Changed:
    before: Config
    now: Config
    plan: Plan

    def touches(self, *sections: str) -> bool:
        """Whether a key of them, or one of these keys, has changed."""
        return any(_is_of(change.key, one) for change in self.plan.changes for one in sections)

    @property
    def same_accounts(self) -> frozenset[str]:
        return frozenset(self._same())

    def _same(self) -> Iterator[str]:
        before = {account.name: account.registrars for account in self.before.accounts}
        for account in self.now.accounts:
            if before.get(account.name) == account.registrars:
                yield account.name


def _is_of(key: str, section: str) -> bool:
    return key == section or key.startswith((f"{section}.", f"{section}["))
