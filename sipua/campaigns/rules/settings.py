"""What a campaign is told at its creation, and what the configuration bounds. Kept as JSON."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, TypeAlias

import msgspec

from sipua.campaigns.rules.outcomes import RETRY_S
from sipua.record.settings import Numbers

State: TypeAlias = Literal["new", "running", "paused", "stopped", "finished"]


class CampaignSettings(msgspec.Struct, frozen=True):
    origin: str
    """The trunk or account."""
    route: str = ""
    caller_id: str = ""
    timezone: str = ""
    """Of numbers of which none is known."""
    hours: tuple[str, ...] = ()
    """Besides those of the configuration; empty: those alone."""
    max_calls: int = 1
    calls_per_second: float = 1.0
    ring_timeout_s: float = 25.0
    max_duration_s: float | None = None
    answering: str = "detect"
    on_voicemail: str = ""
    max_attempts: int = 3
    retry_s: Mapping[str, tuple[float, ...]] = msgspec.field(default_factory=lambda: dict(RETRY_S))
    breaker_window: int = 20
    breaker_share: float = 0.5
    require_consent: bool = False
    call_unknown: bool = False
    """Whether a number is called again of which it is not known whether it was called."""
    not_before_s: float = 0.0
    """Unix time; 0: from its start on."""


@dataclass(frozen=True, slots=True)
class Campaign:
    id: int
    name: str
    state: State
    created_s: float
    """Unix time."""
    state_s: float
    """Since when it is in this state."""
    by: str
    """Who has put it into this state."""
    cause: str
    settings: CampaignSettings


@dataclass(frozen=True, slots=True)
class Policy:
    """What every campaign must keep: the section `outbound`."""

    country: str
    timezone: str
    hours: tuple[str, ...]
    require_consent: bool
    max_calls: int
    calls_per_second: float
    attempts_per_day: int
    attempts_per_week: int
    caller_id_calls_per_day: int
    abandoned_percent: float
    abandoned_days: int
    abandoned_least: int
    numbers: Numbers
    """How much of a number events show."""
