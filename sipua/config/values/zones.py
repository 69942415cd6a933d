"""Time zones of this system."""

from __future__ import annotations

from zoneinfo import ZoneInfo


def find_zone(name: str) -> ZoneInfo | None:
    """None: there is none of this name."""
    try:
        return ZoneInfo(name)
    except (ValueError, LookupError, OSError):  # a name that leads out of the folder, or to one
        return None
