"""The model that a call ends in, and how it takes turns."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field

from sipua.bridge.engines import ENGINES
from sipua.config.values.fields import (
    NO_SECRET,
    Headers,
    OneLine,
    Seconds,
    Secret,
    VariableName,
    WebsocketUrl,
    wrong,
)
from sipua.config.values.section import Section
from sipua.rtp.hostport import is_loopback

if TYPE_CHECKING:
    EngineType = str
else:  # any registered engine can be configured here
    EngineType = Literal[tuple(ENGINES)]


def _idle_timeout(timeout_ms: int) -> int:
    if timeout_ms and not 5000 <= timeout_ms <= 30_000:
        raise wrong("must be 0 (never) or from 5000 to 30000, as the vendor has it", "6000")
    return timeout_ms


def is_local(kind: object, url: object) -> bool:
    """Whether an engine is our agent, or on this machine: then the vendor's key is not for it
    unless the configuration says so. The values may be unchecked.
    """
    if isinstance(kind, str) and kind in ENGINES and not ENGINES[kind].needs_key:
        return True
    try:
        return isinstance(url, str) and is_loopback(urlsplit(url).hostname or "")
    except ValueError:
        return False


class TurnDetectionSection(Section):
    """How the model notices that the caller has finished."""

    type: Literal["server_vad", "semantic_vad", "none"] = Field(
        default="server_vad",
        description="`server_vad`: by silence. `semantic_vad`: by meaning. `none`: the server "
        "does not detect turns, the edge does.",
    )
    threshold: float = Field(
        default=0.5,
        ge=0,
        le=1,
        allow_inf_nan=False,
        description="server_vad: a higher value needs louder speech.",
    )
    prefix_padding_ms: int = Field(
        default=300, ge=0, le=5000, description="server_vad: audio kept from before the speech."
    )
    silence_duration_ms: int = Field(
        default=500, ge=10, le=10000, description="server_vad: silence that ends a turn."
    )
    idle_timeout_ms: Annotated[int, AfterValidator(_idle_timeout)] = Field(
        default=0,
        description="server_vad: the model speaks when the caller has said nothing for so long, "
        "5000 to 30000. 0: never.",
    )
    eagerness: Literal["auto", "low", "medium", "high"] = Field(
        default="auto", description="semantic_vad: how soon the model takes the turn."
    )
    create_response: bool = Field(
        default=True, description="The server answers by itself when a turn ends."
    )
    interrupt_response: bool = Field(
        default=True,
        description="The server stops its answer by itself when the caller speaks. "
        "`barge_in.enabled` says whether callers can interrupt; when they cannot, "
        "or when `barge_in.detector` is `local`, this is false.",
    )


class EngineSection(Section):
    """The speech model that a call ends in."""

    type: EngineType = Field(
        default="local",
        description="`local`: the agent inside this program; needs no model and no key. "
        "`local_live`: the same agent with the protocol of OpenAI Live. "
        "`openai_realtime`: OpenAI Realtime or a server that speaks its protocol. "
        "`openai_live`: OpenAI Live, its successor. docs/engines.md compares them.",
    )
    url: WebsocketUrl = Field(
        default="",
        description="Websocket URL. Empty: the vendor's; the embedded agent for `local` and "
        "`local_live`.",
    )
    model: OneLine = Field(
        default="",
        description="Name of the model. Empty: `gpt-realtime-2.1`; `gpt-live-1` for Live.",
    )
    voice: OneLine = Field(default="marin", description="Name of the voice.")
    voice_id: OneLine = Field(
        default="",
        description="Id of a voice of your own, such as `voice_1234`; takes the place of `voice`.",
    )
    audio: Literal["pcm16", "pcmu", "pcma"] = Field(
        default="pcm16",
        description="Audio format on the websocket. `pcm16`: 24 kHz. `pcmu`, `pcma`: G.711, a "
        "sixth of the bytes; without resampling when it is the codec of the call. "
        "The model then hears telephone quality.",
    )
    instructions: str = Field(
        default="You are a friendly voice assistant on the telephone. Answer briefly.",
        description="The system prompt of the model.",
    )
    greeting: str = Field(
        default="Greet the caller briefly and ask how you can help.",
        description="What the model is told at the beginning of a call, so that it speaks "
        "first. Empty: it waits for the caller.",
    )
    api_key: Secret = Field(
        default=NO_SECRET, description="The key itself. Better: `api_key_file`."
    )
    api_key_file: str = Field(default="", description="File that holds the key and nothing else.")
    api_key_env: VariableName = Field(
        default="OPENAI_API_KEY",
        description="Environment variable that holds the key, used when neither `api_key` nor "
        "`api_key_file` is set. Empty: no key is sent. The default is not used for "
        "an engine on this machine (`local`, `local_live`, a loopback `url`); there "
        "the variable must be named here.",
    )
    headers: Headers = Field(
        default={}, description="Further HTTP headers of the websocket; values are kept secret."
    )
    connect_timeout_s: Seconds = Field(
        default=5,
        description="Longest time to connect and to set up the session; then the call gets "
        "`failure_status`.",
    )
    max_calls: int = Field(
        default=0,
        ge=0,
        le=100_000,
        description="Calls that have this engine at once, of all workers and queues. A further one "
        "waits in the queue of its route, has the `fallback`, or gets 486. 0: no limit. "
        "docs/queue.md.",
    )
    spare_sessions: Annotated[int, Field(ge=0, le=100)] = Field(
        default=0,
        description="Connections that each worker keeps open for calls to come: a new call only "
        "configures its session. They count against the vendor's limit of sessions. "
        "docs/engines.md.",
    )
    spare_max_age_s: Seconds = Field(
        default=300, description="Age at which a spare connection is replaced."
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
        description="Model that transcribes the caller's speech, such as `gpt-transcribe`. "
        "Empty: no transcription.",
    )
    transcription_language: OneLine = Field(
        default="", description="Language of the caller, such as `en`. Empty: it is detected."
    )
    transcription_prompt: str = Field(
        default="", description="Words to expect, such as names of products."
    )
    noise_reduction: Literal["", "near_field", "far_field"] = Field(
        default="",
        description="Noise reduction of the vendor: `near_field`, `far_field`. Empty: none.",
    )
    speed: float = Field(
        default=1.0, ge=0.25, le=1.5, allow_inf_nan=False, description="How fast the model speaks."
    )
    max_output_tokens: int = Field(
        default=0, ge=0, le=4096, description="Longest answer. 0: no limit but the model's own."
    )
    tool_choice: OneLine = Field(
        default="auto",
        description="`auto`, `none`, `required`, the name of one tool, or `mcp:LABEL` and "
        "`mcp:LABEL/TOOL` for an MCP server's.",
    )
    parallel_tool_calls: Literal["auto", "on", "off"] = Field(
        default="auto",
        description="Whether the model may call several tools at once. `auto`: the model "
        "decides; some models do not take this setting.",
    )
    reasoning_effort: Literal["", "minimal", "low", "medium", "high", "xhigh"] = Field(
        default="",
        description="How long a reasoning model thinks before it speaks. Empty: the default of "
        "the model. Other models refuse this key.",
    )
    delegation_model: OneLine = Field(
        default="",
        description="openai_live: the model that calls the tools. Empty: the default of the "
        "engine.",
    )
