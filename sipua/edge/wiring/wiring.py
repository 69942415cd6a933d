"""From the configuration to the settings of each part: the only file that knows both."""

from __future__ import annotations

import dataclasses
import socket
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from urllib.parse import urlsplit

from sipua.bridge.agent.scenario import faults
from sipua.bridge.agent.scenario.scenario import Scenario, joined
from sipua.bridge.agent.scenario.settings import AgentSettings
from sipua.bridge.call.media import MediaSettings
from sipua.bridge.conversation.policy import DialoguePolicy
from sipua.bridge.engine_api.settings import EngineSettings, Past
from sipua.bridge.engines import ENGINES
from sipua.bridge.engines import create as create_engine
from sipua.bridge.playout import sounds
from sipua.bridge.playout.sounds import Sounds, soft_filler
from sipua.bridge.turns.barge_in import BargeIn
from sipua.capture.call_capture import CaptureSettings
from sipua.config import Config, EngineSection
from sipua.config.scenario import reader as scenario_file
from sipua.config.sections.barge_in import SoundsSection
from sipua.config.values.uri import SIP_PORT, parse_server
from sipua.edge.wiring.engine_options import engine_options
from sipua.process import cores
from sipua.rtp.events import Address
from sipua.rtp.hostport import bracketed, join
from sipua.rtp.latch.latch import Policy
from sipua.rtp.ports import ReservedPort, family_of
from sipua.sip.addresses import of_family, seen_by
from sipua.sip.admission.admission import Admission
from sipua.sip.settings import AccountSettings, SipSettings
from sipua.tools.toolbox import Toolbox

_MEGABYTE = 1_000_000


def sip_settings(config: Config, max_calls: int) -> SipSettings:
    sip, rtp = config.sip, config.rtp
    return SipSettings(
        hosts=sip.host,
        port=sip.port,
        transports=tuple(sip.transports),
        public_addresses=sip.public_address,
        user_agent=sip.user_agent,
        max_calls=max_calls,
        session_expires_s=sip.session_expires_s,
        min_session_expires_s=sip.min_session_expires_s,
        media_hosts=media_hosts(config),
        ptime_ms=rtp.ptime_ms,
        codecs=tuple(rtp.codecs),
        accounts=(*_registrations(config), *_trunks(config)),
        nameservers=tuple(sip.nameservers),
        log_messages=config.log.sip or (config.capture.enabled and config.capture.sip),
    )


def node(config: Config) -> str:
    """The name of this edge, in events and records."""
    return config.edge.name or socket.gethostname()


def worker_count(config: Config) -> int:
    asked = config.edge.workers
    return cores.usable() if asked == "auto" else int(asked)


def rtp_hosts(config: Config) -> tuple[str, ...]:
    """The addresses that RTP sockets are bound to: one of a family."""
    return config.rtp.host or config.sip.host


def media_hosts(config: Config) -> tuple[str, ...]:
    """The addresses in SDP: the public one, where the family has one."""
    public = (*config.rtp.public_address, *config.sip.public_address)
    return tuple(of_family(public, family_of(host)) or host for host in rtp_hosts(config))


def rtp_address(config: Config, local: ReservedPort, peer: str) -> Address:
    """The address that the peer sends audio to, for a capture: no received packet shows it."""
    host = of_family(rtp_hosts(config), local.family)
    assert host is not None
    return seen_by(peer, host), local.port


def captures(config: Config) -> CaptureSettings | None:
    """None: no call is captured."""
    capture = config.capture
    if not capture.enabled:
        return None
    return CaptureSettings(
        directory=Path(capture.directory).expanduser(),
        max_bytes_per_call=capture.max_mb_per_call * _MEGABYTE,
        max_total_bytes=capture.max_total_mb * _MEGABYTE,
        match=capture.match,
        sip=capture.sip,
        rtp=capture.rtp,
    )


def _registrations(config: Config) -> list[AccountSettings]:
    found = []
    for account in config.accounts:
        server = parse_server(account.registrar)
        found.append(
            AccountSettings(
                name=account.name,
                id_uri=f"sip:{account.user}@{bracketed(server.host)}",
                registrar=account.registrar,
                user=account.auth_user or account.user,
                password=account.password.get_secret_value(),
                realm=account.realm,
                proxy=account.proxy,
                expires_s=account.expires_s,
                refresh_s=account.refresh_s,
            )
        )
    return found


def _trunks(config: Config) -> list[AccountSettings]:
    found = []
    for trunk in config.trunks:
        if not trunk.proxy:
            continue
        server = parse_server(trunk.proxy)
        found.append(
            AccountSettings(
                name=trunk.name,
                id_uri=f"sip:{trunk.user or 'sipua'}@{bracketed(server.host)}",
                user=trunk.auth_user or trunk.user,
                password=trunk.password.get_secret_value(),
                realm=trunk.realm,
                proxy=trunk.proxy,
            )
        )
    return found


def admission(config: Config, max_calls: int) -> Admission:
    gate = Admission(max_calls=max_calls, accept_any=config.sip.accept == "any")
    for trunk in config.trunks:
        for host in trunk.hosts:
            gate.allow_host(trunk.name, host, services=True)
    for account in config.accounts:
        server = parse_server(account.registrar)
        gate.allow_host(account.name, server.host, services=not server.has_port)
    return gate


def peer_of(config: Config, origin: str, source: Address) -> str:
    """The peer for numbers without a host, in a call from there: `host` or `host:port`."""
    servers = {account.name: account.registrar for account in config.accounts}
    servers |= {trunk.name: trunk.proxy for trunk in config.trunks if trunk.proxy}
    host, port = source
    if origin in servers:
        server = parse_server(servers[origin])
        host, port = server.host, server.port
    return bracketed(host) if port == SIP_PORT else join(host, port)


def media_settings(config: Config, *, echoes: bool = True) -> MediaSettings:
    """`echoes`: False where the echo of our own audio is wanted."""
    rtp = config.rtp
    barge_in = BargeIn(**config.barge_in.model_dump())
    return MediaSettings(
        ptime_ms=rtp.ptime_ms,
        hold_ms=rtp.hold_ms,
        max_hold_ms=rtp.max_hold_ms,
        timeout_s=rtp.timeout_s,
        hold_timeout_s=rtp.hold_timeout_s,
        latch=Policy(rtp.latch),
        barge_in=barge_in if echoes else dataclasses.replace(barge_in, echo="off"),
        sounds=_sounds(config.sounds),
    )


@cache
def _sounds(section: SoundsSection) -> Sounds:
    if not section.filler:
        return Sounds()
    file = section.filler_file
    if not file:
        return Sounds(soft_filler(), section.filler_delay_ms)
    return Sounds(filler=sounds.named(file), filler_delay_ms=section.filler_delay_ms)


def decode_sounds(config: Config) -> None:
    """Decode all sounds of calls before there are calls: later that would delay other calls in the
    moment of an outage. Raises SoundError.
    """
    _sounds(config.sounds)
    sounds.prompt("sorry")
    for steps in (config.calls.fallback, *(route.fallback for route in config.routes)):
        for step in steps:
            if step.prompt:
                sounds.named(step.prompt)


def toolbox(config: Config) -> Toolbox:
    """Make all tools. Raises ToolLoadError, SoundError."""
    return Toolbox(config.tools, mask_dtmf=config.calls.mask_dtmf)


def dialogue_policy(config: Config) -> DialoguePolicy:
    return DialoguePolicy(**config.recovery.model_dump())


def engine_interrupts(config: Config) -> bool:
    """Whether a model may stop by itself when the caller speaks."""
    return config.barge_in.enabled and config.barge_in.detector != "local"


def engine_sections(config: Config) -> tuple[EngineSection, ...]:
    """The sections of all engines that a call may use."""
    return (config.engine, *config.engines.values())


def is_embedded(section: EngineSection) -> bool:
    """Whether the local agent that we run is meant."""
    return bool(ENGINES[section.type].local) and not section.url


def engine_settings(
    engine: EngineSection,
    *,
    url: str = "",
    api_key: str | None = None,
    headers: Mapping[str, str] | None = None,
    instructions: str | None = None,
    tools: Sequence[Mapping[str, object]] = (),
    past: Sequence[Past] = (),
    interruptible: bool = True,
) -> EngineSettings:
    """`url`: its address, when the section has none. `api_key`, `instructions`: None, the
    section's. `headers`: added to the section's. `interruptible`: whether it may stop by itself
    when the caller speaks.
    """
    options = engine_options(engine)
    if not interruptible and options["turn_detection"]:
        options["turn_detection"]["interrupt_response"] = False
    return EngineSettings(
        url=url or engine.url,
        api_key=engine.api_key.get_secret_value() if api_key is None else api_key,
        headers={
            **(headers or {}),
            **{name: value.get_secret_value() for name, value in engine.headers.items()},
        },
        instructions=engine.instructions if instructions is None else instructions,
        tools=tools,
        past=past,
        **options,
    )


def agent_settings(config: Config, *, scenario: str = "", fault: str = "") -> AgentSettings:
    """The agent's settings, with this rehearsal or the configured one. Raises ConfigError."""
    agent = config.agent
    given = agent.model_dump(exclude={"api_key", "api_key_file", "scenario", "fault"})
    return AgentSettings(
        **given,
        api_key=agent.api_key.get_secret_value(),
        scenario=_rehearsal(scenario or agent.scenario, fault or agent.fault),
    )


def _rehearsal(file: str, fault: str) -> Scenario:
    scenario = scenario_file.load(Path(file)) if file else Scenario()
    return joined(faults.parse(fault), scenario) if fault else scenario


def engine_host(engine: EngineSection, url: str) -> str:
    """Its host, safe to show: no path, no query, nothing that could hold a key."""
    parts = urlsplit(create_engine(engine.type, engine_settings(engine, url=url)).url)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}"
