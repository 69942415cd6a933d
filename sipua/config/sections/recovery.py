"""What happens when an engine fails, stalls or comes to the end of its session."""

from __future__ import annotations

from pydantic import Field

from sipua.bridge.conversation.policy import DEFAULT_PHRASE, DialoguePolicy
from sipua.config.values.fields import Seconds
from sipua.config.values.section import Section

_USUAL = DialoguePolicy()


class RecoverySection(Section):
    """What happens when an engine fails in a call. docs/recovery.md has the time lines."""

    backoff_s: Seconds = Field(
        default=_USUAL.backoff_s,
        description="Wait before the second attempt to connect. It is doubled for each further "
        "attempt, and up to half of it is taken off by chance. A `Retry-After` of "
        "the server is obeyed.",
    )
    backoff_max_s: Seconds = Field(
        default=_USUAL.backoff_max_s, description="Longest wait between two attempts."
    )
    outage_s: Seconds = Field(
        default=_USUAL.outage_s,
        description="Longest time without a session in a call, all engines together; then the "
        "fallback follows.",
    )
    phrase: str = Field(
        default=DEFAULT_PHRASE,
        description="What the model is told after an outage, if it was speaking or had to "
        "answer. Empty: it is only asked to go on.",
    )
    filler_after_s: float = Field(
        default=_USUAL.filler_after_s,
        ge=0,
        le=3600,
        allow_inf_nan=False,
        description="When the model has to answer and sends nothing for so long, the caller "
        "hears the filler until it does. 0: never.",
    )
    silent_after_s: float = Field(
        default=_USUAL.silent_after_s,
        ge=0,
        le=3600,
        allow_inf_nan=False,
        description="When the model has to answer and sends nothing for so long, it is asked "
        "again; after the same time once more, another session is made. 0: never.",
    )
    response_retries: int = Field(
        default=_USUAL.response_retries,
        ge=0,
        le=100,
        description="How often the model is asked again after a response that the engine "
        "reports as failed.",
    )
    rotate_after_s: float = Field(
        default=_USUAL.rotate_after_s,
        ge=0,
        le=86400,
        allow_inf_nan=False,
        description="Age at which a session is replaced in a quiet moment, before the vendor "
        "ends it after 60 minutes; up to 5 % earlier by chance. 0: never.",
    )
    rotate_latest_s: Seconds = Field(
        default=_USUAL.rotate_latest_s,
        description="Age at which the session is replaced in the next pause between two "
        "responses, quiet or not.",
    )
    history_items: int = Field(
        default=_USUAL.history_items,
        ge=1,
        le=1000,
        description="How much of the conversation the next session is told: number of turns and "
        "tool calls, the newest.",
    )
    history_chars: int = Field(
        default=_USUAL.history_chars,
        ge=100,
        le=1_000_000,
        description="The same: number of characters.",
    )
    history_speech_s: float = Field(
        default=_USUAL.history_speech_s,
        ge=0,
        le=600,
        allow_inf_nan=False,
        description="The same: seconds of the caller's speech without a transcript "
        "(`transcription` is off); 8 kB of memory a second.",
    )
    caller_audio_s: float = Field(
        default=_USUAL.caller_audio_s,
        ge=1,
        le=120,
        allow_inf_nan=False,
        description="Seconds of the caller's audio that are kept for the next session; 8 kB of "
        "memory a second and call.",
    )
