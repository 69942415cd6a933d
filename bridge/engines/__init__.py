"""The engines that a call can end in."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from sipua.bridge.engines import openai_live, openai_realtime
from sipua.bridge.engines.base import Engine, EngineSettings

# The local agent speaks the same protocol, so that what works against it works for real.
ENGINES: Mapping[str, Callable[[EngineSettings], Engine]] = {
    "local": openai_realtime.create,
    "openai_realtime": openai_realtime.create,
    "openai_live": openai_live.create,
}


def create(kind: str, settings: EngineSettings) -> Engine:
    """A fresh engine for one session. An unknown kind raises ValueError."""
    try:
        build = ENGINES[kind]
    except KeyError:
        raise ValueError(f"unknown engine {kind!r}: use one of {', '.join(ENGINES)}") from None
    return build(settings)
