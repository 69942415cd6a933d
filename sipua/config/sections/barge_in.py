"""The sections `barge_in` and `sounds` of the configuration."""

from __future__ import annotations

from pydantic import Field

from sipua.bridge.turns.barge_in import BargeIn, Detector, Echo
from sipua.config.values.fields import SoundFile
from sipua.config.values.section import Section

_USUAL = BargeIn()


class BargeInSection(Section):
    """Callers who speak while they are spoken to. docs/media.md says how it is done."""

    enabled: bool = Field(
        default=_USUAL.enabled,
        description="Whether that ends what is being said. With false the model hears them all "
        "the same, and answers afterwards.",
    )
    grace_ms: int = Field(
        default=_USUAL.grace_ms,
        ge=0,
        le=60_000,
        description="So much of the greeting cannot be cut off; a caller who still speaks then "
        "cuts it off there.",
    )
    detector: Detector = Field(
        default=_USUAL.detector,
        description="Who finds out that the caller speaks. `auto`: the model, or this program "
        "where the model does not tell. `engine`: the model only. `local`: this program only.",
    )
    threshold: float = Field(
        default=_USUAL.threshold,
        ge=0,
        le=1,
        allow_inf_nan=False,
        description="Of the local detection: higher needs louder speech.",
    )
    silence_ms: int = Field(
        default=_USUAL.silence_ms,
        ge=20,
        le=10_000,
        description="Of the local detection: silence that ends a turn.",
    )
    echo: Echo = Field(
        default=_USUAL.echo,
        description="`auto`: on lines that send back what we say, our own voice is kept from the "
        "model and from the detection, so that it interrupts nobody. `off`: nothing is held back.",
    )


class SoundsSection(Section):
    """What callers hear when nobody speaks."""

    filler: bool = Field(
        default=True,
        description="A soft sound while the model is gone and another session is made, in place "
        "of dead air.",
    )
    filler_file: SoundFile = Field(
        default="",
        description="WAV file (16 bit PCM) that is looped for it. Empty: the built-in sound.",
    )
    filler_delay_ms: int = Field(
        default=700,
        ge=0,
        le=10_000,
        description="Silence before it begins; a short outage is not worth a sound.",
    )
