"""Contradictions around records and prices."""

from __future__ import annotations

from collections.abc import Iterator

from sipua.config.checks.findings import Finding
from sipua.config.sections.config import Config
from sipua.config.sections.engine import EngineSection
from sipua.config.values.problems import KeyPath


def record(config: Config) -> Iterator[Finding]:
    if config.record.redact and config.record.transcripts != "redacted":
        yield Finding(
            (("record", "redact"), ("record", "transcripts")),
            f'has no effect while transcripts = "{config.record.transcripts}"',
            'transcripts = "redacted"',
            "warning",
        )
    yield from _prices(config)
    if config.prices or config.record.enabled:
        yield from _unpriced(config)


def _prices(config: Config) -> Iterator[Finding]:
    for model, price in config.prices.items():
        for name in ("audio_in", "text_in"):
            cached = f"{name}_cached"
            if getattr(price, name) and cached not in price.model_fields_set:
                yield Finding(
                    (("prices", model, cached), ("prices", model, name)),
                    f"is not set: cached tokens of {model} are counted as free",
                    f"{cached} = 0.4, or the price of the vendor's list",
                    "warning",
                )


def _unpriced(config: Config) -> Iterator[Finding]:
    engines: list[tuple[KeyPath, EngineSection]] = [(("engine",), config.engine)]
    engines += [(("engines", name), engine) for name, engine in config.engines.items()]
    for at, engine in engines:
        kind = engine.kind
        if not kind.needs_key:
            continue
        used = (("model", engine.model or kind.model), ("transcription", engine.transcription))
        for key, model in used:
            if model and model not in config.prices:
                yield Finding(
                    ((*at, key), ("prices",)),
                    "has no price: the cost of calls is not known, and written as null",
                    f'[prices."{model}"] with what the vendor charges',
                    "warning",
                )
