"""The local agent."""

from __future__ import annotations

from pydantic import Field

from sipua.bridge.agent.scenario.settings import AgentSettings, Mode
from sipua.config.values.addresses import Ipv4
from sipua.config.values.fields import NO_SECRET, Ears, Fault, Port, Seconds, Secret
from sipua.config.values.section import Section

_USUAL = AgentSettings()


class AgentSection(Section):
    """The local agent: a server that speaks the Realtime protocol, for demos and tests."""

    host: Ipv4 = Field(default=_USUAL.host, description="Address that it listens on.")
    port: Port = Field(
        default=_USUAL.port,
        description="Port that it listens on. 0: a free one (embedded); 8765 for `sipua agent`.",
    )
    mode: Mode = Field(
        default=_USUAL.mode,
        description="What it answers. `parrot`: what it heard. `tone`: a tone. `silence`: nothing.",
    )
    greeting: bool = Field(
        default=_USUAL.greeting, description="It speaks first, with a recorded sentence."
    )
    ears: Ears = Field(
        default=_USUAL.ears,
        description="It recognises words, for transcripts. English only; needs pocketsphinx "
        "(`pip install 'sipua[ears]'`).",
    )
    scenario: str = Field(
        default="",
        description="File of a scenario: what it says, which tools it calls, how it fails "
        "(docs/rehearsal.md). Relative to this file.",
    )
    fault: Fault = Field(
        default="",
        description="A failure to rehearse without a scenario: `drop`, `cut`, `freeze`, "
        "`stall`, `silence`, `429`, `burst` or `garbage`. `drop:30`: from second 30 "
        "on.",
    )
    journal: str = Field(
        default=_USUAL.journal,
        description="File for every message of its websockets, both ways, without the audio. It "
        "holds what was said. Empty: no file.",
    )
    api_key: Secret = Field(
        default=NO_SECRET, description="Key that its clients must send. Empty: any key is accepted."
    )
    api_key_file: str = Field(default="", description="File that holds that key and nothing else.")
    threshold: float = Field(
        default=_USUAL.threshold,
        ge=0,
        le=1,
        allow_inf_nan=False,
        description="Voice detection of a session that sets none of its own.",
    )
    prefix_padding_ms: int = Field(
        default=_USUAL.prefix_padding_ms,
        ge=0,
        le=5000,
        description="The same: audio kept from before the speech.",
    )
    silence_ms: int = Field(
        default=_USUAL.silence_ms,
        ge=20,
        le=10_000,
        description="The same: silence that ends a turn.",
    )
    latency_ms: int = Field(
        default=_USUAL.latency_ms,
        ge=0,
        le=60_000,
        description="Wait before an answer, as if the model were slow.",
    )
    first_delta_ms: int = Field(
        default=_USUAL.first_delta_ms,
        ge=20,
        le=10_000,
        description="Audio in the first piece of an answer.",
    )
    delta_ms: int = Field(
        default=_USUAL.delta_ms, ge=20, le=10_000, description="Audio in each further piece."
    )
    speed: float = Field(
        default=_USUAL.speed,
        ge=0.1,
        le=10_000,
        allow_inf_nan=False,
        description="How many times faster than real time its audio is sent, as the vendor does.",
    )
    max_sessions: int = Field(
        default=_USUAL.max_sessions, ge=1, le=100_000, description="Sessions at once."
    )
    session_limit_s: Seconds = Field(
        default=_USUAL.session_limit_s, description="Longest session, as at the vendor."
    )
    rate_limit_tokens: int = Field(
        default=_USUAL.rate_limit_tokens,
        ge=0,
        le=1_000_000_000,
        description="Tokens a minute for all its sessions; a further answer fails with "
        "`rate_limit_exceeded`. 0: no limit.",
    )
