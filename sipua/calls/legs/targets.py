"""Whom a call can be put through to, and how, as the configuration has it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import TypeAlias

from sipua.calls.legs.briefing.warm import Warm
from sipua.calls.legs.dial import DialTimes
from sipua.calls.legs.modes import TransferMode
from sipua.codecs.pcm import Pcm


@dataclass(frozen=True, slots=True, eq=False)
class Destination:
    targets: tuple[str, ...]
    """SIP URIs, or numbers at the peer; they are tried in turn."""
    mode: TransferMode
    warm: Warm | None = None


@dataclass(frozen=True, slots=True)
class Asked:
    """A transfer as a tool or a command wants it."""

    target: str
    """A SIP URI, or a number at the peer."""
    name: str = ""
    """Of the configured destination that the target is the first of; empty: of none."""
    mode: TransferMode | None = None
    """In the place of the configured one."""


Wanted: TypeAlias = str | Asked
"""A target alone, or with more that is known of it."""


@dataclass(frozen=True, slots=True)
class TransferSettings:
    mode: TransferMode = "refer"
    account: str = ""
    """Which legs go out by; empty: that of the call, if calls can be placed by it."""
    placing: frozenset[str] = frozenset()
    """The accounts and trunks that calls can be placed by."""
    times: DialTimes = field(default_factory=DialTimes)
    waiting: Pcm | None = None
    """For the caller until the target has the call. None: silence."""
    early_media: bool = False
    """The caller hears what the target's side sends before its answer, once it does."""
    hold_sound: Pcm | None = None
    """For one side while the other has put us on hold without music."""
    leave_path: bool = False
    """Once both talk, the caller's side is asked to take over the call to the target."""
    warm: Warm | None = None
    """Of targets without a briefing of their own."""
    destinations: Mapping[str, Destination] = field(default_factory=dict)

    def account_for(self, origin: str) -> str:
        return self.account or (origin if origin in self.placing else "")

    def destination(self, asked: Asked) -> Destination:
        known = self.destinations.get(asked.name)
        found = known or Destination((asked.target,), self.mode, self.warm)
        return found if asked.mode is None else replace(found, mode=asked.mode)


def asked(wanted: Wanted) -> Asked:
    return Asked(wanted) if isinstance(wanted, str) else wanted
