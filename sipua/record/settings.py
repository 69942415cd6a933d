"""The settings of records, and the facts of engines that they need."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from sipua.bridge.turns.clock import Endpointing
from sipua.record.prices import Price
from sipua.record.transcript_redaction import Transcripts

Numbers = Literal["full", "last4", "off"]


@dataclass(frozen=True, slots=True)
class RecordSettings:
    transcripts: Transcripts = "redacted"
    redact: tuple[str, ...] = ()
    numbers: Numbers = "last4"
    mask_dtmf: bool = True
    prices: Mapping[str, Price] = field(default_factory=dict)
    currency: str = "USD"


@dataclass(frozen=True, slots=True)
class EngineFacts:
    """The facts of an engine that a call may use."""

    model: str | None = None
    """None: it costs nothing."""
    transcription: str | None = None
    endpointing: Endpointing = field(default_factory=Endpointing)


@dataclass(frozen=True, slots=True)
class FileSettings:
    directory: Path
    keep_days: int
    max_total_bytes: int
