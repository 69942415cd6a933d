"""The life of a call."""

from __future__ import annotations

from pydantic import Field

from sipua.config.sections.routes import Answer, Fallback, FirstWord
from sipua.config.values.fields import Seconds
from sipua.config.values.section import Section


class CallsSection(Section):
    """The life of a call."""

    answer: Answer = Field(
        default="ready",
        description="When we answer; the caller hears ringing until then. `ready`: when the model "
        "is ready. `greeting`: when its greeting has begun to arrive. `at_once`: immediately.",
    )
    greeting_timeout_s: Seconds = Field(
        default=3,
        description='`answer = "greeting"`: with a greeting that takes longer we answer all '
        "the same.",
    )
    ring_timeout_s: Seconds = Field(
        default=20,
        description="Longest ringing: then 480 for a call that came in, CANCEL for our own.",
    )
    first_word: FirstWord = Field(
        default="greet",
        description="When somebody takes a call of ours. `greet`: the model speaks at once. "
        "`wait`: it lets them speak first.",
    )
    wait_s: Seconds = Field(
        default=3,
        description='`first_word = "wait"`: when they say nothing for so long, the model greets.',
    )
    fallback: Fallback = Field(
        default=(),
        description="What happens when there is no engine. Empty: `engine.failure_status` before "
        "the answer; after it the built-in prompt, then BYE.",
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
