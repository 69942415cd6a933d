"""The configuration in force: one reference that all readers share, replaced as a whole.

A reader on another thread sees the old one or the new one, never something between.
"""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Literal, TypeAlias

from sipua.config.change.fingerprint import fingerprint, secrets_mark
from sipua.config.change.plan import Plan, effective, plan
from sipua.config.load.loader import Loaded
from sipua.config.sections.config import Config
from sipua.config.values.problems import Problem

_NOTHING = Plan()
_KEY = secrets.token_bytes(32)


@dataclass(frozen=True, slots=True)
class Configured:
    """A configuration, and how it is called."""

    config: Config
    source: str
    """Its file."""
    loaded_at: datetime
    hash: str
    secrets: str
    """Changes with any secret; comparable within this run alone."""
    generation: int = 1
    """How many there were since the start."""
    last: Plan = _NOTHING
    """What the last reload found changed. What needs a restart of it is still to come."""


class InForce:
    def __init__(self, config: Config, source: str, now: datetime) -> None:
        self.now = Configured(config, source, now, *_names(config))

    @property
    def config(self) -> Config:
        return self.now.config

    def after(self, loaded: Loaded, now: datetime) -> Configured:
        """What is in force after a reload of this."""
        before = self.now
        changes = plan(before.config, loaded.config)
        config = effective(before.config, loaded.config) if changes.acts else before.config
        found = replace(before, source=loaded.source, loaded_at=now, last=changes)
        if not changes.acts:
            return found
        name, mark = _names(config)
        more = before.generation + 1
        return replace(found, config=config, hash=name, secrets=mark, generation=more)


def _names(config: Config) -> tuple[str, str]:
    return fingerprint(config), secrets_mark(config, _KEY)


# --- how a reload ends ------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Reloaded:
    configured: Configured
    """In force; of a check: what would be."""
    warnings: tuple[Problem, ...] = ()


Refusal: TypeAlias = Literal["busy", "unfit", "not_now"]


class ReloadError(Exception):
    """Nothing has changed; the text says why."""

    def __init__(self, kind: Refusal, text: str, problems: Sequence[Problem] = ()) -> None:
        super().__init__(text)
        self.kind: Refusal = kind
        self.problems = tuple(problems)
