"""Which types of events a webhook gets: `call.ended`, `call.*`, `*`. Pure."""

from __future__ import annotations

from collections.abc import Iterable


def fits(event_type: str, patterns: Iterable[str]) -> bool:
    return any(_fits(event_type, pattern) for pattern in patterns)


def _fits(event_type: str, pattern: str) -> bool:
    if pattern.endswith("*"):
        return event_type.startswith(pattern[:-1])
    return event_type == pattern
