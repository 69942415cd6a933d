"""The facts of engines that records need."""

from __future__ import annotations

from dataclasses import dataclass, field

from sipua.bridge.turns.clock import Endpointing


@dataclass(frozen=True, slots=True)
class EngineFacts:
    """The facts of an engine that a call may use."""

    model: str | None = None
    """None: it costs nothing."""
    transcription: str | None = None
    endpointing: Endpointing = field(default_factory=Endpointing)
