"""The settings of records."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

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
class FileSettings:
    directory: Path
    keep_days: int
    max_total_bytes: int
