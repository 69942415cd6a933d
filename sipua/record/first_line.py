"""The first line of a record, which alone has the time of day."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sipua.record.settings import RecordSettings
from sipua.record.transcript_redaction import number

SCHEMA = "sipua.record/2"


def first_line(
    settings: RecordSettings, facts: Mapping[str, Any], began: datetime
) -> dict[str, Any]:
    """`facts`: `from`, `to` and others."""
    about = dict(facts)
    for side in ("from", "to"):
        if side in about:
            about[side] = number(str(about[side]), settings.numbers)
    return {
        "kind": "call",
        "schema": SCHEMA,
        "began": began.isoformat(timespec="milliseconds"),
        **about,
        "transcripts": settings.transcripts,
    }
