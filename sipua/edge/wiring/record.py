"""From the configuration to the settings of records; `wiring` has all others."""

from __future__ import annotations

from pathlib import Path

from sipua.bridge.engines import ENGINES
from sipua.bridge.turns.clock import Endpointing
from sipua.calls.facts import CallFacts
from sipua.calls.profile import AgentProfile
from sipua.codecs.vad import VadConfig
from sipua.config import Config, EngineSection
from sipua.edge.wiring import wiring
from sipua.record.prices import Price
from sipua.record.recorder import Records
from sipua.record.settings import EngineFacts, FileSettings, RecordSettings

_MEGABYTE = 1_000_000


def records(config: Config) -> Records:
    return Records(record_settings(config), record_files(config))


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


def record_engines(config: Config, profile: AgentProfile) -> dict[str, EngineFacts]:
    """The facts of all engines that a call may use, by their names in its events."""
    return {engine.name: _engine_facts(config, engine.section) for engine in profile.engines}


def _engine_facts(config: Config, section: EngineSection) -> EngineFacts:
    kind, detection = ENGINES[section.type], section.turn_detection
    endpointing = Endpointing()  # semantic_vad: its wait is not known
    if "turn_detection" in kind.unused:  # our own detection takes its place
        barge_in = wiring.media_settings(config).barge_in
        usual = VadConfig(silence_duration_ms=barge_in.silence_ms)
        endpointing = Endpointing(usual.silence_duration_ms, usual.prefix_padding_ms)
    elif detection.type == "server_vad":
        endpointing = Endpointing(detection.silence_duration_ms, detection.prefix_padding_ms)
    return EngineFacts(
        model=(section.model or kind.model) if kind.needs_key else None,
        transcription=section.transcription or None,
        endpointing=endpointing,
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
    }
