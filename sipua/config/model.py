"""The schema: every key with its type, default and meaning. docs/configuration.md is made
from this file, and so are the names of the environment variables.

A required key has an example; the check uses it in place of a value that is wrong, so that
one mistake does not hide the next.
"""

from __future__ import annotations

from typing import Literal

from pydantic import Field, SecretStr

from sipua.config.capture import CaptureSection
from sipua.config.fields import (
    Codecs,
    EvenPort,
    Headers,
    Hosts,
    Ipv4,
    Name,
    OneLine,
    OptionalIpv4,
    OptionalServerUri,
    OptionalSipUser,
    Port,
    Ptime,
    PublicAddress,
    Realm,
    Seconds,
    Secret,
    ServerUriText,
    SipUser,
    Transports,
    VariableName,
    WebsocketUrl,
)
from sipua.config.section import Section

NO_SECRET = SecretStr("")


class SipSection(Section):
    """Signalling: where we listen, and who may call."""

    host: Ipv4 = Field(
        default="127.0.0.1",
        description="Address to listen on. `0.0.0.0` listens on all; `127.0.0.1` can be reached "
        "from this machine only.",
    )
    port: Port = Field(
        default=5060, description="Port to listen on, UDP and TCP. 0 takes a free one."
    )
    transports: Transports = Field(default=("udp", "tcp"), description="Transports: `udp`, `tcp`.")
    public_address: PublicAddress = Field(
        default="",
        description="Address that other sides reach us under, when it differs from ours (NAT). "
        "Empty: the address of the interface that leads to them.",
    )
    user_agent: OneLine = Field(default="sipua", description="The User-Agent header that we send.")
    max_calls: int = Field(
        default=0,
        ge=0,
        description="Calls at once; one more gets 486. 0: as many as this build of pjsua2 holds.",
    )
    session_expires_s: int = Field(
        default=1800,
        ge=90,
        description="Session timer (RFC 4028): a vanished peer is noticed after it.",
    )
    min_session_expires_s: int = Field(
        default=90, ge=90, description="Shortest session timer that we accept; less gets 422."
    )
    accept: Literal["trunks", "any"] = Field(
        default="trunks",
        description="Whose calls we take. `trunks`: only those from hosts of `trunks` and from "
        "registrars of `accounts`. `any`: everybody's; for demos on a closed network.",
    )


class RtpSection(Section):
    """Audio on the phone side."""

    host: OptionalIpv4 = Field(
        default="", description="Address for RTP sockets. Empty: the same as `sip.host`."
    )
    public_address: PublicAddress = Field(
        default="", description="Address written into SDP. Empty: `sip.public_address`, or our own."
    )
    port_min: EvenPort = Field(
        default=16384,
        description="First port of the range; even. Keep the range outside the system's "
        "ephemeral one (`sysctl net.ipv4.ip_local_port_range`).",
    )
    port_max: int = Field(
        default=24575,
        ge=1025,
        le=65535,
        description="Last port of the range. A call takes two ports.",
    )
    ptime_ms: Ptime = Field(default=20, description="Length of the packets that we send: 10 to 60.")
    codecs: Codecs = Field(
        default=("PCMU", "PCMA"),
        description="Codecs in order of preference: `PCMU` (µ-law), `PCMA` (A-law).",
    )
    latch: Literal["auto", "sdp", "any"] = Field(
        default="auto",
        description="Which source of RTP we believe. `auto`: the best of what SDP and signalling "
        "name, NAT allowed for. `sdp`: exactly what SDP says. `any`: the first that sends; "
        "unsafe on the internet.",
    )
    hold_ms: int = Field(
        default=60,
        ge=20,
        le=500,
        description="How long packets behind a gap may wait for the missing one. Packets in "
        "order never wait.",
    )
    max_hold_ms: int = Field(
        default=200,
        ge=20,
        le=1000,
        description="Longest such wait, when the network's jitter asks for more.",
    )
    timeout_s: Seconds = Field(default=20, description="A call without RTP for so long is ended.")
    hold_timeout_s: Seconds = Field(default=300, description="The same while the call is on hold.")
    port_rest_s: float = Field(
        default=30,
        ge=0,
        le=3600,
        allow_inf_nan=False,
        description="How long a used port rests, so that a new call never hears the old one.",
    )


class AccountSection(Section):
    """A registration: we log in at a PBX or provider like a phone."""

    name: Name = Field(description="How logs call it; unique.", examples=["office-pbx"])
    registrar: ServerUriText = Field(
        description="The registrar: `sip:host:port;transport=udp`.",
        examples=["sip:192.0.2.10:5060;transport=udp"],
    )
    user: SipUser = Field(description="The extension or user to register.", examples=["100"])
    password: Secret = Field(
        default=NO_SECRET, description="Password of the account. Better: `password_file`."
    )
    password_file: str = Field(
        default="", description="File that holds the password and nothing else."
    )
    auth_user: OneLine = Field(
        default="", description="User of the digest. Empty: the same as `user`."
    )
    realm: Realm = Field(
        default="",
        description="Realm that gets our digest. Empty: learnt from the registrar's first "
        "challenge; nobody else's challenge is ever answered.",
    )
    refresh_s: int = Field(
        default=25,
        ge=5,
        le=86400,
        description="How often we register again, at least; a registrar that restarted and forgot "
        "us knows us again after it, and a NAT keeps its mapping.",
    )
    expires_s: int = Field(
        default=300, ge=30, le=86400, description="Lifetime of the registration; refreshed before."
    )
    proxy: OptionalServerUri = Field(
        default="", description="Outbound proxy, as `sip:host:port`, when it is not the registrar."
    )


class TrunkSection(Section):
    """A peer that needs no registration: it is known by its addresses."""

    name: Name = Field(description="How logs call it; unique.", examples=["carrier"])
    hosts: Hosts = Field(
        default=(),
        description="Where its calls come from: addresses, networks (`203.0.113.0/28`), names.",
    )
    proxy: OptionalServerUri = Field(
        default="",
        description="Where our calls to it go: `sip:host:port`. Empty: no outgoing calls.",
    )
    user: OptionalSipUser = Field(
        default="", description="User in the From header of outgoing calls."
    )
    password: Secret = Field(
        default=NO_SECRET, description="Password when it challenges our calls."
    )
    password_file: str = Field(
        default="", description="File that holds the password and nothing else."
    )
    auth_user: OneLine = Field(
        default="", description="User of the digest. Empty: the same as `user`."
    )
    realm: Realm = Field(
        default="", description="Realm that gets our digest; needed with a password."
    )


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


class AgentSection(Section):
    """The local agent: a server that speaks the Realtime protocol, for demos and tests."""

    host: Ipv4 = Field(default="127.0.0.1", description="Address that it listens on.")
    port: Port = Field(
        default=0,
        description="Port that it listens on. 0: a free one (embedded); 8765 for `sipua agent`.",
    )
    mode: Literal["parrot", "tone", "silence"] = Field(
        default="parrot",
        description="What it answers. `parrot`: what it heard. `tone`: a tone. `silence`: nothing.",
    )
    greeting: bool = Field(default=True, description="It speaks first, with a recorded sentence.")
    api_key: Secret = Field(
        default=NO_SECRET, description="Key that its clients must bring. Empty: any will do."
    )
    api_key_file: str = Field(default="", description="File that holds that key and nothing else.")
    threshold: float = Field(
        default=0.5,
        ge=0,
        le=1,
        allow_inf_nan=False,
        description="Voice detection of a session that asks for none of its own.",
    )
    prefix_padding_ms: int = Field(
        default=300, ge=0, le=5000, description="The same: audio kept from before the speech."
    )
    silence_ms: int = Field(
        default=500, ge=20, le=10_000, description="The same: silence that ends a turn."
    )
    latency_ms: int = Field(
        default=0, ge=0, le=60_000, description="Thinking time before an answer, to play slow."
    )
    first_delta_ms: int = Field(
        default=100, ge=20, le=10_000, description="Audio in the first piece of an answer."
    )
    delta_ms: int = Field(default=200, ge=20, le=10_000, description="Audio in each further piece.")
    speed: float = Field(
        default=8.0,
        ge=0.1,
        le=10_000,
        allow_inf_nan=False,
        description="How many times faster than it plays audio is sent, as the vendor does.",
    )
    max_sessions: int = Field(default=1024, ge=1, le=100_000, description="Sessions at once.")


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


class LogSection(Section):
    """What is written to stderr."""

    level: Literal["debug", "info", "warning", "error"] = Field(
        default="info", description="Least level."
    )
    format: Literal["auto", "console", "json"] = Field(
        default="auto", description="`auto`: for people on a terminal, JSON lines otherwise."
    )
    sip: bool = Field(
        default=False,
        description="Write every SIP message, at level debug; credentials are masked.",
    )


class Config(Section):
    """Everything. Made by `load`, which checks more than the types can."""

    sip: SipSection = SipSection()
    rtp: RtpSection = RtpSection()
    accounts: tuple[AccountSection, ...] = ()
    trunks: tuple[TrunkSection, ...] = ()
    engine: EngineSection = EngineSection()
    agent: AgentSection = AgentSection()
    calls: CallsSection = CallsSection()
    log: LogSection = LogSection()
    capture: CaptureSection = CaptureSection()
