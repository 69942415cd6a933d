"""The events of a call's engine. docs/events.md has them all."""

from __future__ import annotations

from sipua.events.event import Event


class EngineInUse(Event, tag="engine.in_use"):
    """The call talks with this session from now on."""

    engine: str
    why: str
    session_id: str
    gap_ms: int
    restored: int
    caught_up_ms: int
    connect_ms: int | None = None
    """None: it was connected before it was needed."""


class EngineOutage(Event, tag="engine.outage"):
    """There is no session; another one is being made."""

    LEVEL = "warning"
    engine: str
    cause: str


class EngineGone(Event, tag="engine.gone"):
    """There is no session, and there will be none: the route's fallback begins."""

    LEVEL = "error"
    engine: str
    cause: str


class EngineSilent(Event, tag="engine.silent"):
    """It was the model's turn, and it said nothing."""

    LEVEL = "warning"
    waited_ms: int
    action: str


class EngineUsage(Event, tag="engine.usage"):
    """What an answer cost."""

    of: str
    model: str | None = None
    audio_in: float = 0
    audio_in_cached: float = 0
    audio_out: float = 0
    text_in: float = 0
    text_in_cached: float = 0
    text_out: float = 0
    seconds: float = 0
    cost: float | None = None
    """None: there is no price for it."""


class RateLimit(Event, tag="engine.rate_limit"):
    """Less than a tenth is left."""

    LEVEL = "warning"
    name: str
    remaining: float
    limit: float
    reset_s: float | None = None
    fix: str = "less than a tenth is left: at 0 the vendor refuses answers"
