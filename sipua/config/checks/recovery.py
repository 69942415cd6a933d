"""Contradictions in the recovery from a failed engine."""

from __future__ import annotations

from collections.abc import Iterator

from sipua.config.checks.findings import Finding
from sipua.config.sections.config import Config

_VENDORS_LIMIT_S = 3600


def recovery(config: Config) -> Iterator[Finding]:
    keys = config.recovery
    if keys.backoff_max_s < keys.backoff_s:
        yield Finding(
            (("recovery", "backoff_max_s"), ("recovery", "backoff_s")),
            f"is less than backoff_s = {keys.backoff_s:g}",
            f"at least {keys.backoff_s:g}",
        )
    if keys.outage_s <= keys.backoff_s:
        yield Finding(
            (("recovery", "outage_s"), ("recovery", "backoff_s")),
            f"leaves no time for a second attempt after backoff_s = {keys.backoff_s:g}",
            "15",
        )
    if 0 < keys.silent_after_s <= keys.filler_after_s:
        yield Finding(
            (("recovery", "filler_after_s"), ("recovery", "silent_after_s")),
            f"comes after silent_after_s = {keys.silent_after_s:g}: the caller would never hear it",
            f"less than {keys.silent_after_s:g}, or 0 for none",
            "warning",
        )
    if keys.rotate_after_s and keys.rotate_latest_s < keys.rotate_after_s:
        yield Finding(
            (("recovery", "rotate_latest_s"), ("recovery", "rotate_after_s")),
            f"is less than rotate_after_s = {keys.rotate_after_s:g}",
            f"at least {keys.rotate_after_s:g}",
        )
    elif keys.rotate_after_s and keys.rotate_latest_s >= _VENDORS_LIMIT_S:
        yield Finding(
            (("recovery", "rotate_latest_s"),),
            f"OpenAI ends a session after {_VENDORS_LIMIT_S} s, even in the middle of a word",
            "3540",
            "warning",
        )
