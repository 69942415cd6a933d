"""The life of a call."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from sipua.config.fields import Seconds
from sipua.config.section import Section


class CallsSection(Section):
    """The life of a call."""

    answer: Literal["ready", "at_once"] = Field(
        default="ready",
        description="When we answer. `ready`: when the model is ready, the caller hears ringing "
        "until then. `at_once`: immediately.",
    )
    ring_timeout_s: Seconds = Field(
        default=20, description="Longest ringing, both ways; then 480, or CANCEL for our own call."
    )
    max_duration_s: Seconds = Field(default=3600, description="Longest call; then BYE.")
    mask_dtmf: bool = Field(
        default=True,
        description="Log `?` in place of each key that a caller presses, because PINs and card "
        "numbers are typed. With false the log has to be guarded as they are.",
    )
    drain_s: float = Field(
        default=30,
        ge=0,
        le=86400,
        allow_inf_nan=False,
        description="After SIGTERM: how long running calls may go on before they get BYE.",
    )
