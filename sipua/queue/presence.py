"""Whether a member takes callers: signed in, in a pause, signed out. By the member's own word."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

PresenceState: TypeAlias = Literal["signed_in", "paused", "signed_out"]


@dataclass(frozen=True, slots=True)
class Presence:
    state: PresenceState
    reason: str = ""
    """Of a pause, such as `lunch`."""
    since_s: float = 0.0
    """Unix time; 0: since the edge began."""


SIGNED_IN: Final = Presence("signed_in")
SIGNED_OUT: Final = Presence("signed_out")
