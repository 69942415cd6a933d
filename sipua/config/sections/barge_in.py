"""The sections `barge_in` and `sounds` of the configuration."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from sipua.config.values.fields import SoundFile
from sipua.config.values.section import Section


class BargeInSection(Section):
    """Callers who interrupt. docs/media.md says how it works."""

    enabled: bool = Field(
        default=True,
        description="Whether speech of the caller stops what is being said. With false the "
        "model still hears the caller, and answers afterwards.",
    )
    grace_ms: int = Field(
        default=0,
        ge=0,
        le=60_000,
        description="The first milliseconds of the greeting, which cannot be interrupted. A "
        "caller who still speaks at their end interrupts there.",
    )
    detector: Literal["auto", "engine", "local"] = Field(
        default="auto",
        description="What detects that the caller speaks. `auto`: the engine, or this program "
        "when the engine does not tell. `engine`: the engine only. `local`: this "
        "program only.",
    )
    threshold: float = Field(
        default=0.5,
        ge=0,
        le=1,
        allow_inf_nan=False,
        description="Of the local detection: a higher value needs louder speech.",
    )
    silence_ms: int = Field(
        default=500,
        ge=20,
        le=10_000,
        description="Of the local detection: silence that ends a turn.",
    )
    echo: Literal["auto", "off"] = Field(
        default="auto",
        description="`auto`: on lines that return an echo, our own voice is kept from the model "
        "and from the detection, so that the agent does not interrupt itself. "
        "`off`: no echo is held back.",
    )


class SoundsSection(Section):
    """What callers hear when neither side speaks."""

    filler: bool = Field(
        default=True,
        description="A soft sound in the place of silence, while there is no session and "
        "another one is made.",
    )
    filler_file: SoundFile = Field(
        default="",
        description="WAV file (16 bit PCM) for this sound; it is looped. Empty: the built-in "
        "sound.",
    )
    filler_delay_ms: int = Field(
        default=700,
        ge=0,
        le=10_000,
        description="Silence before the sound begins; a short outage needs no sound.",
    )
