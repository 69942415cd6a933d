"""Models that the vendor ends, as its page of deprecations had it on 2026-11-28:
developers.openai.com/api/docs/deprecations. Another host has dates of its own."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Retirement:
    date: str
    successor: str


_REALTIME: Final = Retirement("2027-01-20", "gpt-realtime-2.1")
_REALTIME_MINI: Final = Retirement("2027-01-20", "gpt-realtime-2.1-mini")
_TRANSCRIPTION: Final = Retirement("2027-02-26", "gpt-transcribe")

RETIREMENTS: Final[Mapping[str, Retirement]] = {
    "gpt-realtime": _REALTIME,
    "gpt-realtime-2025-08-28": _REALTIME,
    "gpt-realtime-mini": _REALTIME_MINI,
    "gpt-realtime-mini-2025-12-15": _REALTIME_MINI,
    "gpt-4o-mini-transcribe": _TRANSCRIPTION,
    "gpt-4o-transcribe": _TRANSCRIPTION,
    "whisper-1": _TRANSCRIPTION,
}
