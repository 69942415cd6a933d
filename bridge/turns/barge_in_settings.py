"""The settings of interruptions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

Detector = Literal["auto", "engine", "local"]
Echo = Literal["auto", "off"]


@dataclass(frozen=True, slots=True)
class BargeIn:
    """What the configuration says about callers who speak while they are spoken to."""

    enabled: bool = True
    grace_ms: int = 0
    """So much of the greeting cannot be cut off."""
    detector: Detector = "auto"
    """The detector of the caller's speech. `auto`: the engine, or we where it has none."""
    echo: Echo = "auto"
    """`auto`: our own voice, coming back from the far side, is kept from the detector."""
    threshold: float = 0.5
    silence_ms: int = 500
    """Of our own detection, as the engines' `server_vad` have them."""
