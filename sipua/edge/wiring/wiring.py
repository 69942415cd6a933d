"""From the configuration to the settings of the edge's parts: signalling, ports, captures, the
local agent. `wiring.call` has those of a call. The edge has no media: nothing here needs numpy.
"""

from __future__ import annotations

import ipaddress
import secrets
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Literal
from urllib.parse import urlsplit

from sipua.bridge.agent.scenario import faults
from sipua.bridge.agent.scenario.scenario import Scenario, joined
from sipua.bridge.agent.scenario.settings import AgentSettings
from sipua.capture.settings import CaptureSettings
from sipua.config import Config, EngineSection
from sipua.config.checks import tls
from sipua.config.scenario import reader as scenario_file
from sipua.config.sections.config import SipNetworkSection
from sipua.config.values.uri import SIP_PORT, parse_server
from sipua.edge.wiring import accounts, parties
from sipua.outputs.cdr.settings import CdrSettings
from sipua.outputs.hep.settings import HepSettings
from sipua.process import cores, trace_context
from sipua.process.trace_context import CallTrace
from sipua.rtp.events import Address
from sipua.rtp.hostport import bracketed, join, split
from sipua.rtp.ports import ReservedPort
from sipua.sip.admission.admission import Admission, ConnectionLimits, FloodLimits
from sipua.sip.nat import stun
from sipua.sip.nat.told_address import Towards
from sipua.sip.settings import SipSettings
from sipua.sip.trunks.slots import Limits
from sipua.sip.wire.addresses import of_family, seen_by
from sipua.sip.wire.certificate import authorities_of_the_system
from sipua.sip.wire.tls import TlsKeys, TlsSettings

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
        media_hosts=rtp_hosts(config),
        media_public=(*rtp.public_address, *sip.public_address),
        towards=tuple(_towards(one) for one in sip.networks),
        stun_servers=tuple(_stun_server(one) for one in sip.stun_servers),
        stun_refresh_s=sip.stun_refresh_s,
        ptime_ms=rtp.ptime_ms,
        rtcp_xr=rtp.rtcp_xr,
        codecs=tuple(rtp.codecs),
        accounts=accounts.accounts(config),
        nameservers=tuple(sip.nameservers),
        log_messages=_wants_messages(config),
        tls=tls_settings(config),
    )


def audit_directory(config: Config) -> Path:
    return Path(config.audit.directory).expanduser()


def _towards(section: SipNetworkSection) -> Towards:
    networks = tuple(ipaddress.ip_network(one) for one in section.networks)
    return Towards(networks, section.address)


def _stun_server(text: str) -> Address:
    host, port = split(text)
    return host, port or stun.DEFAULT_PORT


def tls_settings(config: Config) -> TlsSettings | None:
    keys = config.sip.tls
    if "tls" not in config.sip.transports:
        return None
    return TlsSettings(
        port=keys.port,
        certificate=_file(keys.certificate),
        key=_file(keys.key),
        verify=keys.verify,
        ca_file=_file(keys.ca_file) or authorities_of_the_system(),
        client_ca_file=_file(keys.client_ca_file),
        clients_need_one=keys.client_certificates == "required",
        own=tuple(_own_keys(config)),
    )


def _own_keys(config: Config) -> Iterator[TlsKeys]:
    """Of trunks and accounts; what one has not is that of the edge."""
    edge = config.sip.tls
    for (kind, _), one in tls.peers(config):
        if not tls.own_tls(one):
            continue
        certificate, key = one.tls_certificate, one.tls_key
        if not certificate:
            certificate, key = edge.certificate, edge.key
        yield TlsKeys(
            where=f"{kind}.{one.name}.tls_",
            hosts=tls.tls_hosts(one),
            certificate=_file(certificate),
            key=_file(key),
            ca_file=_file(one.tls_ca_file or edge.ca_file) or authorities_of_the_system(),
            verify=edge.verify if one.tls_verify == "inherit" else one.tls_verify == "on",
        )


def _file(name: str) -> str:
    return str(Path(name).expanduser()) if name else ""


def _wants_messages(config: Config) -> bool:
    """Whether somebody reads whole SIP messages: pjsip makes texts of them then."""
    captures = config.capture.enabled and config.capture.sip
    ladders = config.api.enabled and config.api.sip_ladder
    return config.log.sip or captures or ladders or hep_sends(config, "sip")


def _traced(config: Config) -> frozenset[str]:
    if not config.traces.enabled:
        return frozenset()
    return frozenset(trunk.name for trunk in config.trunks if trunk.traceparent)


def node(config: Config) -> str:
    """The name of this edge, in events and records."""
    return config.edge.name or socket.gethostname()


def trace(config: Config, call_id: str, traceparent: str = "") -> CallTrace | None:
    """Of a call that begins; None: no traces are written. `traceparent`: as its INVITE has it."""
    if not config.traces.enabled:
        return None
    incoming = trace_context.parse(traceparent)
    return trace_context.begin(call_id, secrets.token_hex(16), config.traces.sample, incoming)


def worker_count(config: Config) -> int:
    asked = config.edge.workers
    return cores.usable() if asked == "auto" else int(asked)


def rtp_hosts(config: Config) -> tuple[str, ...]:
    """The addresses that RTP sockets are bound to: one of a family."""
    return config.rtp.host or config.sip.host


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


def call_records(config: Config) -> CdrSettings | None:
    """None: no rows are written."""
    cdr = config.cdr
    if not cdr.enabled:
        return None
    return CdrSettings(
        directory=Path(cdr.directory).expanduser(),
        keep_days=cdr.keep_days,
        max_total_bytes=cdr.max_total_mb * _MEGABYTE,
        sqlite=cdr.sqlite,
        postgres=cdr.postgres.get_secret_value(),
    )


def hep(config: Config) -> HepSettings | None:
    """None: nothing is sent."""
    section = config.hep
    if not section.enabled:
        return None
    return HepSettings(
        host=section.host,
        port=section.port,
        transport=section.transport,
        what=frozenset(section.what),
        capture_id=section.capture_id,
        auth_key=section.auth_key.get_secret_value(),
        node=node(config),
        ca_file=str(Path(section.ca_file).expanduser()) if section.ca_file else "",
    )


def hep_sends(config: Config, what: Literal["sip", "rtcp"]) -> bool:
    return config.hep.enabled and what in config.hep.what


def admission(config: Config, max_calls: int) -> Admission:
    accept_any = config.sip.accept == "any"
    gate = Admission(max_calls=max_calls, accept_any=accept_any, traced=_traced(config))
    gate.flood, gate.connections = _flood(config), _connections(config)
    gate.slots.use({one.name: Limits(one.max_calls, one.calls_per_second) for one in config.trunks})
    if max_calls:  # else none comes in, and the edge's side of a REFER is not there
        gate.policies = parties.policies(config)
    for trunk in config.trunks:
        for host in trunk.hosts:
            gate.allow_host(trunk.name, host, services=True)
        if trunk.certificate_names:
            gate.allow_certified(trunk.name, trunk.certificate_names, anywhere=not trunk.hosts)
    for account in config.accounts:
        for registrar in account.registrars:
            server = parse_server(registrar)
            gate.allow_host(account.name, server.host, services=not server.has_port)
    return gate


def _flood(config: Config) -> FloodLimits:
    section = config.admission
    return FloodLimits(
        stranger=section.stranger_rate,
        strangers=section.strangers_rate,
        peer=section.peer_rate,
        scanners=tuple(name.lower() for name in section.scanners),
        answer_strangers=section.answer_strangers,
    )


def _connections(config: Config) -> ConnectionLimits:
    """Where everybody may call, a new connection costs what a request of a peer may cost."""
    section, anybody = config.admission, config.sip.accept == "any"
    return ConnectionLimits(
        per_source=section.connections_per_source,
        strangers=section.connections,
        peers=section.peer_connections,
        first_request_s=section.first_request_s,
        idle_s=section.idle_s,
        rate=section.peer_rate if anybody else section.stranger_rate,
        rate_of_all=0.0 if anybody else section.strangers_rate,
    )


def peer_of(config: Config, origin: str, source: Address) -> str:
    """The peer for numbers without a host, in a call from there: `host` or `host:port`, and how a
    registrar is reached where that is not by UDP or TCP: a call to it has no Route that says so.
    """
    servers = {account.name: account.registrars for account in config.accounts}
    servers |= {t.name: (t.every_server[0].uri,) for t in config.trunks if t.every_server}
    host, port = source
    by = ""
    if origin in servers:
        known = [parse_server(uri) for uri in servers[origin]]
        server = next((one for one in known if one.host == host), known[0])
        host, port = server.host, server.port if server.has_port else SIP_PORT
        if server.transport == "tls" and any(one.name == origin for one in config.accounts):
            by = ";transport=tls"
    return f"{bracketed(host) if port == SIP_PORT else join(host, port)}{by}"


def engine_sections(config: Config) -> tuple[EngineSection, ...]:
    """The sections of all engines that a call may use."""
    return (config.engine, *config.engines.values())


def is_embedded(section: EngineSection) -> bool:
    """Whether the local agent that we run is meant."""
    return bool(section.kind.local) and not section.url


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


def engine_url(section: EngineSection, agent_url: str) -> str:
    """Its address: the configured one, the local agent's, or the vendor's. `agent_url`: empty when
    no engine needs the agent.
    """
    kind = section.kind
    if is_embedded(section) and agent_url:
        query = f"dialect={section.dialect}" if section.dialect != "ga" and kind.dialects else ""
        return urlsplit(agent_url)._replace(path=kind.local, query=query).geturl()
    return section.url or kind.url


def engine_host(url: str) -> str:
    """An engine's host, safe to show: no path, no query, nothing that could hold a key."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}"
