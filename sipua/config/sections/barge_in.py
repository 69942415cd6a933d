"""The sections `barge_in` and `sounds` of the configuration."""

from __future__ import annotations

from pydantic import Field

from sipua.bridge.turns.barge_in_settings import BargeIn, Detector, Echo
from sipua.config.values.fields import SoundFile
from sipua.config.values.section import Section

_USUAL = BargeIn()


class BargeInSection(Section):
    """Callers who interrupt. docs/media.md says how it works."""

    enabled: bool = Field(
        default=_USUAL.enabled,
        description="Whether speech of the caller stops what is being said. With false the "
        "model still hears the caller, and answers afterwards.",
    )
    grace_ms: int = Field(
        default=_USUAL.grace_ms,
        ge=0,
        le=60_000,
        description="The first milliseconds of the greeting, which cannot be interrupted. A "
        "caller who still speaks at their end interrupts there.",
    )
    detector: Detector = Field(
        default=_USUAL.detector,
        description="What detects that the caller speaks. `auto`: the engine, or this program "
        "when the engine does not tell. `engine`: the engine only. `local`: this "
        "program only.",
    )
    threshold: float = Field(
        default=_USUAL.threshold,
        ge=0,
        le=1,
        allow_inf_nan=False,
        description="Of the local detection: a higher value needs louder speech.",
    )
    silence_ms: int = Field(
        default=_USUAL.silence_ms,
        ge=20,
        le=10_000,
        description="Of the local detection: silence that ends a turn.",
    )
    echo: Echo = Field(
        default=_USUAL.echo,
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
