"""The life of a call."""

from __future__ import annotations

from pydantic import Field

from sipua.config.sections.routes import Answer, Fallback, FirstWord, OnVoicemail, WhoAnswers
from sipua.config.values.fields import OneLine, Seconds, SoundFile
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
    answering: WhoAnswers = Field(
        default="off",
        description="Whether it is found out who has answered a call of ours: a person, a "
        "machine, a fax. `detect`: by what is heard; the agent's first word waits for it.",
    )
    answering_wait_s: float = Field(
        default=2,
        ge=0,
        le=10,
        allow_inf_nan=False,
        description='`answering = "detect"`: the longest silence of the other side in which the '
        "agent waits. Then it speaks; what is found out later still counts.",
    )
    on_voicemail: OnVoicemail = Field(
        default="agent",
        description='`answering = "detect"`: what happens when a machine has answered. `agent`: '
        "the model is told, and goes on. `message`: a message is left, and the call ends. "
        "`hangup`: the call ends. A fax always ends it; a dead number does unless it is `agent`.",
    )
    voicemail_message: SoundFile = Field(
        default="",
        description='`on_voicemail = "message"`: WAV file (16 bit PCM) that is left.',
    )
    voicemail_text: OneLine = Field(
        default="",
        description='`on_voicemail = "message"`: what the engine says, in the place of a WAV file.',
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
