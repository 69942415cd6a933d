"""The model that a call ends in, and how it takes turns."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, Field

from sipua.bridge.engines import ENGINES, EngineKind
from sipua.bridge.engines.openai_realtime.dialects import DIALECTS
from sipua.config.values.fields import (
    NO_SECRET,
    AccountSid,
    Command,
    Headers,
    OneLine,
    OptionalHttpUrl,
    Parameters,
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
    DialectName = str
else:  # any registered engine can be configured here
    EngineType = Literal[tuple(ENGINES)]
    DialectName = Literal[tuple(DIALECTS)]


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


def usual_key_variables(kind: object, dialect: object) -> tuple[str, ...]:
    """Those of the environment that may hold the key, unless `api_key_env` says otherwise. The
    values may be unchecked."""
    if isinstance(kind, str) and kind in ENGINES and isinstance(dialect, str):
        return ENGINES[kind].speaking(dialect).key_variables
    return ()


class TurnDetectionSection(Section):
    """How the model notices that the caller has finished."""

    type: Literal[
        "server_vad",
        "semantic_vad",
        "azure_semantic_vad",
        "azure_semantic_vad_multilingual",
        "none",
    ] = Field(
        default="server_vad",
        description="`server_vad`: by silence. `semantic_vad`: by meaning. `azure_semantic_vad`, "
        "`azure_semantic_vad_multilingual`: by both, of the dialect `azure_voice_live`. `none`: "
        "the server does not detect turns, the edge does.",
    )
    threshold: float = Field(
        default=0.5,
        ge=0,
        le=1,
        allow_inf_nan=False,
        description="server_vad, azure: a higher value needs louder speech.",
    )
    prefix_padding_ms: int = Field(
        default=300,
        ge=0,
        le=5000,
        description="server_vad, azure: audio kept from before the speech.",
    )
    silence_duration_ms: int = Field(
        default=500, ge=10, le=10000, description="server_vad, azure: silence that ends a turn."
    )
    remove_filler_words: bool = Field(
        default=False, description="azure: an 'um' of the caller does not interrupt the answer."
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
        "`openai_live`: OpenAI Live, its successor. `gemini_live`: Google Gemini Live; "
        "`local_gemini`: the local agent with its protocol. `deepgram_agent`: Deepgram's Voice "
        "Agent. `elevenlabs_agent`: an agent of ElevenLabs. docs/engines.md compares them. "
        "`twilio_stream`: an agent that speaks Twilio's Media Streams (docs/twilio.md). "
        "`asterisk_websocket`: one that speaks the protocol of Asterisk's chan_websocket.",
    )
    dialect: DialectName = Field(
        default="ga",
        description="openai_realtime, local: what the server speaks. `ga`: as OpenAI does. `beta`: "
        "as it did until 2026, and others still do (speaches, StepFun). `xai`: Grok Voice. "
        "`azure_voice_live`. `qwen`: Qwen-Omni. docs/engines.md says what differs.",
    )
    url: WebsocketUrl = Field(
        default="",
        description="Websocket URL. Empty: the vendor's; the embedded agent for `local` and "
        "`local_live`. Needed for the dialects `beta` and `azure_voice_live`.",
    )
    model: OneLine = Field(
        default="",
        description="Name of the model. Empty: `gpt-realtime-2.1`; `gpt-live-1.1` for Live; "
        "`gemini-3.8-live` for Gemini; `grok-voice-latest` for xai; `qwen3.5-omni-flash-realtime` "
        "for qwen; `gpt-4o-mini` for Deepgram, which takes `anthropic/NAME` and such as well.",
    )
    voice: OneLine = Field(
        default="",
        description="Name of the voice. Empty: `marin` of OpenAI, `eve` of xai, `aura-2-thalia-en` "
        "of Deepgram, else the vendor's own choice.",
    )
    voice_id: OneLine = Field(
        default="",
        description="Id of a voice of your own, such as `voice_1234`; takes the place of `voice`.",
    )
    audio: Literal["", "pcm16", "pcm16_16k", "pcm16_8k", "pcmu", "pcma"] = Field(
        default="",
        description="Audio format on the websocket. `pcm16`: 24 kHz. `pcm16_16k`, `pcm16_8k`: the "
        "same at 16 and 8 kHz. `pcmu`, `pcma`: G.711, a sixth of the bytes; without resampling "
        "when it is the codec of the call. The model then hears telephone quality. Empty: "
        "`pcm16`; `pcm16_16k` for Gemini; `pcmu` for agents of telephony. docs/engines.md says "
        "who takes which.",
    )
    instructions: str = Field(
        default="You are a friendly voice assistant on the telephone. Answer briefly.",
        description="The system prompt of the model.",
    )
    greeting: str = Field(
        default="Greet the caller briefly and ask how you can help.",
        description="What the model is told at the beginning of a call, so that it speaks "
        "first. Empty: it waits for the caller. elevenlabs_agent: what it says, word for word.",
    )
    api_key: Secret = Field(
        default=NO_SECRET, description="The key itself. Better: `api_key_file`."
    )
    api_key_file: str = Field(default="", description="File that holds the key and nothing else.")
    api_key_env: VariableName = Field(
        default="OPENAI_API_KEY",
        description="Environment variable that holds the key, used when neither `api_key` nor "
        "`api_key_file` is set. Empty: no key is sent. The default of `gemini_live` is "
        "GEMINI_API_KEY, or GOOGLE_API_KEY; of `deepgram_agent` DEEPGRAM_API_KEY, of "
        "`elevenlabs_agent` ELEVENLABS_API_KEY. The default is not used for "
        "an engine on this machine (`local`, `local_live`, a loopback `url`); there "
        "the variable must be named here. Other dialects have other defaults: `XAI_API_KEY`, "
        "`AZURE_VOICELIVE_API_KEY`, `DASHSCOPE_API_KEY`, and none for `beta`.",
    )
    api_key_header: Literal["auto", "bearer", "api-key"] = Field(
        default="auto",
        description="How the key is sent. `bearer`: `Authorization: Bearer KEY`. `api-key`: a "
        "header of that name, as Azure has it. `auto`: `bearer`; for `azure_voice_live` `api-key`, "
        "unless `api_key_command` prints a token.",
    )
    api_key_command: Command = Field(
        default=(),
        description="Program and arguments that print the key, in the place of `api_key`: for "
        "tokens that expire. Run without a shell, from `/`, with few variables of the "
        "environment; no secret belongs into the arguments. docs/engines.md.",
    )
    api_key_command_s: float = Field(
        default=300,
        ge=0,
        le=86400,
        allow_inf_nan=False,
        description="How long a key that the command printed is used for connections; it is run "
        "again before that. 0: for each connection.",
    )
    headers: Headers = Field(
        default={}, description="Further HTTP headers of the websocket; values are kept secret."
    )
    connect_timeout_s: float = Field(
        default=0,
        ge=0,
        le=86400,
        allow_inf_nan=False,
        description="Longest time to connect and to set up the session; then the call gets "
        "`failure_status`. 0: the usual one, 5; for `twilio_stream` 10, because some agents accept "
        "late.",
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
        "Empty: no transcription; for Deepgram `flux-general-en`, or `flux-general-multi` for "
        "another language.",
    )
    transcription_language: OneLine = Field(
        default="", description="Language of the caller, such as `en`. Empty: it is detected."
    )
    transcription_prompt: str = Field(
        default="", description="Words to expect, such as names of products."
    )
    noise_reduction: Literal["", "near_field", "far_field", "azure_deep_noise_suppression"] = Field(
        default="",
        description="Noise reduction of the vendor: `near_field`, `far_field`; of "
        "`azure_voice_live` also `azure_deep_noise_suppression`. Empty: none.",
    )
    echo_cancellation: bool = Field(
        default=False,
        description="azure_voice_live: the server removes its own voice from the caller's sound.",
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
    control_message_format: Literal["plain-text", "json"] = Field(
        default="plain-text",
        description="asterisk_websocket: how our events are written, as the key of this name in "
        "Asterisk's chan_websocket.conf says. Commands are read in both.",
    )
    agent_id: OneLine = Field(
        default="", description="elevenlabs_agent: which agent, such as `agent_01k…`."
    )
    account_sid: AccountSid = Field(
        default="",
        description="twilio_stream: the account that the agent is told, `AC` and 32 hex digits. "
        "Empty: one that is the same in each installation.",
    )
    parameters: Parameters = Field(
        default={},
        description="twilio_stream: what the agent gets as `customParameters`; asterisk_websocket: "
        "as query of the `url`, and as variables of the channel; elevenlabs_agent: as "
        "dynamic variables. Placeholders as in `instructions`.",
    )
    status_url: OptionalHttpUrl = Field(
        default="",
        description="twilio_stream: where the begin and the end of each stream are told, as "
        "Twilio's `statusCallback` is.",
    )

    @property
    def connect_within_s(self) -> float:
        return self.connect_timeout_s or ENGINES[self.type].connect_timeout_s

    @property
    def kind(self) -> EngineKind:
        return ENGINES[self.type].speaking(self.dialect)

    @property
    def key_variable(self) -> str:
        """The environment variable that may hold the key; empty: none."""
        if "api_key_env" in self.model_fields_set:
            return self.api_key_env
        return next(iter(usual_key_variables(self.type, self.dialect)), "")

    @property
    def key_header(self) -> str:
        """That carries the key. Empty: `Authorization: Bearer`."""
        if self.api_key_header == "auto":
            spoken = self.kind.dialects.get(self.dialect)
            return "" if spoken is None or self.api_key_command else spoken.key_header
        return "" if self.api_key_header == "bearer" else self.api_key_header
