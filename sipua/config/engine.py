"""The model that a call ends in, and how it takes turns."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from sipua.config.fields import (
    NO_SECRET,
    Headers,
    OneLine,
    Seconds,
    Secret,
    VariableName,
    WebsocketUrl,
)
from sipua.config.section import Section


class TurnDetectionSection(Section):
    """How the model notices that the caller has finished."""

    type: Literal["server_vad", "semantic_vad"] = Field(
        default="server_vad", description="`server_vad`: by silence. `semantic_vad`: by meaning."
    )
    threshold: float = Field(
        default=0.5,
        ge=0,
        le=1,
        allow_inf_nan=False,
        description="server_vad: higher needs louder speech.",
    )
    prefix_padding_ms: int = Field(
        default=300, ge=0, le=5000, description="server_vad: audio kept from before the speech."
    )
    silence_duration_ms: int = Field(
        default=500, ge=10, le=10000, description="server_vad: silence that ends a turn."
    )
    idle_timeout_ms: int = Field(
        default=0,
        ge=0,
        le=30000,
        description="server_vad: the model speaks up after so long. 0: never.",
    )
    eagerness: Literal["auto", "low", "medium", "high"] = Field(
        default="auto", description="semantic_vad: how soon it takes the turn."
    )
    create_response: bool = Field(default=True, description="Answer when the turn ends.")
    interrupt_response: bool = Field(
        default=True, description="Stop the answer when the caller speaks."
    )


class EngineSection(Section):
    """The speech model that a call ends in."""

    type: Literal["local", "openai_realtime"] = Field(
        default="local",
        description="`local`: the agent inside this program, no model and no key needed. "
        "`openai_realtime`: OpenAI Realtime or a server that speaks its protocol.",
    )
    url: WebsocketUrl = Field(
        default="",
        description="Websocket URL. Empty: the vendor's, or the embedded agent for `local`.",
    )
    model: OneLine = Field(default="gpt-realtime", description="Name of the model.")
    voice: OneLine = Field(default="marin", description="Name of the voice.")
    instructions: str = Field(
        default="You are a friendly voice assistant on the telephone. Answer briefly.",
        description="What the model is told to be (the system prompt).",
    )
    greeting: str = Field(
        default="Greet the caller briefly and ask how you can help.",
        description="What the model is told when the call begins, so that it speaks first. "
        "Empty: it waits for the caller.",
    )
    api_key: Secret = Field(
        default=NO_SECRET, description="The key itself. Better: `api_key_file`."
    )
    api_key_file: str = Field(default="", description="File that holds the key and nothing else.")
    api_key_env: VariableName = Field(
        default="OPENAI_API_KEY",
        description="Environment variable that holds the key, used when neither `api_key` nor "
        "`api_key_file` is set. Empty: no key is sent.",
    )
    headers: Headers = Field(
        default={}, description="Further HTTP headers of the websocket; values are kept secret."
    )
    connect_timeout_s: Seconds = Field(
        default=5,
        description="Time for connection and session; then the call gets `failure_status`.",
    )
    failure_status: int = Field(
        default=503,
        ge=400,
        le=699,
        description="SIP status of a call whose model cannot be reached.",
    )
    turn_detection: TurnDetectionSection = Field(
        default=TurnDetectionSection(), description="When the model takes its turn."
    )
    transcription: OneLine = Field(
        default="",
        description="Model that writes down what the caller says, such as "
        "`gpt-4o-mini-transcribe`. Empty: none.",
    )
    noise_reduction: Literal["", "near_field", "far_field"] = Field(
        default="",
        description="Noise reduction of the vendor: `near_field`, `far_field`. Empty: none.",
    )
    speed: float = Field(
        default=1.0, ge=0.25, le=1.5, allow_inf_nan=False, description="How fast the model speaks."
    )
