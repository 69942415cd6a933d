"""From the configuration to the settings of records, for the edge and its workers."""

from __future__ import annotations

from pathlib import Path

from sipua.calls.facts import CallFacts
from sipua.config import Config
from sipua.record.prices import Price
from sipua.record.settings import FileSettings, RecordSettings

_MEGABYTE = 1_000_000


def record_settings(config: Config) -> RecordSettings:
    record = config.record
    return RecordSettings(
        transcripts=record.transcripts,
        redact=record.redact,
        numbers=record.numbers,
        mask_dtmf=config.calls.mask_dtmf,
        prices={model: Price(**price.model_dump()) for model, price in config.prices.items()},
        currency=record.currency,
    )


def record_files(config: Config) -> FileSettings | None:
    """None: no record is written."""
    record = config.record
    if not record.enabled:
        return None
    return FileSettings(
        directory=Path(record.directory).expanduser(),
        keep_days=record.keep_days,
        max_total_bytes=record.max_total_mb * _MEGABYTE,
    )


def record_facts(facts: CallFacts) -> dict[str, str]:
    """The facts for the first line of a call's record."""
    return {
        "direction": facts.direction,
        "from": facts.from_uri,
        "to": facts.to_uri,
        "origin": facts.origin,
        "route": facts.route,
        "sip_call_id": facts.sip_call_id,
        **({} if facts.trace is None else {"trace_id": facts.trace.trace_id}),
    }
