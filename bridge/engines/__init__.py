"""The engines that a call can end in: each has a folder here, and one entry below."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from sipua.bridge.engines.openai import addresses

if TYPE_CHECKING:
    from sipua.bridge.engine_api.protocol import Engine
    from sipua.bridge.engine_api.settings import EngineSettings

# An engine is imported when the first one is made: a check of the configuration needs no numpy.


def _openai_realtime(settings: EngineSettings) -> Engine:
    from sipua.bridge.engines.openai_realtime.protocol import realtime_engine  # noqa: PLC0415 - see above

    return realtime_engine(settings)


def _openai_live(settings: EngineSettings) -> Engine:
    from sipua.bridge.engines.openai_live.protocol import live_engine  # noqa: PLC0415 - see above

    return live_engine(settings)


@dataclass(frozen=True, slots=True)
class EngineKind:
    create: Callable[[EngineSettings], Engine]
    model: str = ""
    """Its usual one, for settings that name none."""
    url: str = ""
    """The vendor's address."""
    needs_key: bool = True
    local: str = ""
    """Path on the local agent's server, for kinds that end there unless told otherwise."""
    unused: frozenset[str] = frozenset()
    """Settings that do nothing, by their names in the configuration."""


_NOT_OF_LIVE = frozenset(
    {
        "max_output_tokens",
        "noise_reduction",
        "speed",
        "transcription",
        "transcription_language",
        "transcription_prompt",
        "turn_detection",
    }
)

# The local agent speaks the same protocols, so that what works against it works for real.
ENGINES: Mapping[str, EngineKind] = {
    "local": EngineKind(_openai_realtime, needs_key=False, local="/v1/realtime"),
    "local_live": EngineKind(
        _openai_live, needs_key=False, local="/v1/live/sessions", unused=_NOT_OF_LIVE
    ),
    "openai_realtime": EngineKind(
        _openai_realtime,
        model="gpt-realtime-2.1",
        url=addresses.REALTIME,
        unused=frozenset({"delegation_model"}),
    ),
    "openai_live": EngineKind(
        _openai_live, model="gpt-live-1", url=addresses.LIVE, unused=_NOT_OF_LIVE
    ),
}


def create(kind: str, settings: EngineSettings) -> Engine:
    """A fresh engine for one session. An unknown kind raises ValueError."""
    try:
        entry = ENGINES[kind]
    except KeyError:
        raise ValueError(f"unknown engine {kind!r}: use one of {', '.join(ENGINES)}") from None
    if not settings.model and entry.model:
        settings = replace(settings, model=entry.model)
    return entry.create(settings)
