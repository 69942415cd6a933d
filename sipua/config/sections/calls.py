"""The life of a call."""

from __future__ import annotations

from pydantic import Field

from sipua.config.sections.routes import Answer, Fallback, FirstWord
from sipua.config.values.fields import OneLine, Seconds
from sipua.config.values.section import Section


class CallsSection(Section):
    """The life of a call."""

    answer: Answer = Field(
        default="ready",
        description="When we answer; until then the caller hears ringing. `ready`: when the "
        "model is ready. `greeting`: when its greeting has begun to arrive. "
        "`at_once`: immediately.",
    )
    greeting_timeout_s: Seconds = Field(
        default=3,
        description='`answer = "greeting"`: longest wait for the greeting; after it we answer '
        "without it.",
    )
    ring_timeout_s: Seconds = Field(
        default=20,
        description="Longest ringing. Then an incoming call gets 480, and a call of ours is "
        "cancelled.",
    )
    first_word: FirstWord = Field(
        default="greet",
        description="Who speaks first when a call of ours is answered. `greet`: the model, at "
        "once. `wait`: the called party.",
    )
    wait_s: Seconds = Field(
        default=3,
        description='`first_word = "wait"`: when the called party says nothing for so long, the '
        "model greets.",
    )
    fallback: Fallback = Field(
        default=(),
        description="What happens when no engine can be reached. Empty: before the answer "
        "`engine.failure_status`; after it the built-in prompt, then BYE.",
    )
    sounds: OneLine = Field(
        default="",
        description="Folder of WAV files (16 bit PCM, at most 120 s) that may be played into a "
        "running call by the interface for programs. Empty: only the built-in ones.",
    )
    max_duration_s: Seconds = Field(default=3600, description="Longest call; then BYE.")
    mask_dtmf: bool = Field(
        default=True,
        description="The log has `?` in the place of each digit that a caller sends, because "
        "PINs and card numbers are sent as digits. With false the log must be "
        "protected like them.",
    )
    drain_s: float = Field(
        default=30,
        ge=0,
        le=86400,
        allow_inf_nan=False,
        description="How long running calls may go on after SIGTERM before they get BYE.",
    )
