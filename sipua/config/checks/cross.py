"""Checks of several keys: those that contradict each other, or this machine."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from sipua.config.checks.answering import answering
from sipua.config.checks.api import api
from sipua.config.checks.cdr import cdr
from sipua.config.checks.engine import engines
from sipua.config.checks.findings import Finding
from sipua.config.checks.menus import menus
from sipua.config.checks.outbound_routes import outbound_routes
from sipua.config.checks.own_addresses import BOTH_FAMILIES, family, own_addresses
from sipua.config.checks.placeholders import placeholders
from sipua.config.checks.protocol import protocol
from sipua.config.checks.queues import hours, queues
from sipua.config.checks.record import record
from sipua.config.checks.recording import recording
from sipua.config.checks.recovery import recovery
from sipua.config.checks.refer import refer
from sipua.config.checks.routes import routes
from sipua.config.checks.stir import stir
from sipua.config.checks.supervise import supervise
from sipua.config.checks.tls import tls
from sipua.config.checks.tools import tools
from sipua.config.checks.traces import traces
from sipua.config.checks.transfer import transfer
from sipua.config.checks.users import users
from sipua.config.checks.webhooks import webhooks
from sipua.config.sections.config import Config
from sipua.config.sections.trunks import AccountSection, TrunkSection
from sipua.config.values.problems import KeyPath
from sipua.config.values.uri import UriError, parse_server
from sipua.rtp.hostport import is_loopback, join

_PROC = Path("/proc/sys/net/ipv4")
# The widest network of one provider; a wider one is a typing error.
_WIDEST_TRUNK_PREFIX = {4: 8, 6: 24}
_ALL = {"IPv4": 'host = "0.0.0.0"', "IPv6": 'host = "::"'}


@dataclass(frozen=True, slots=True)
class Ephemeral:
    """The ports that the system assigns by itself."""

    first: int
    last: int
    reserved: tuple[tuple[int, int], ...] = ()

    def overlaps(self, low: int, high: int) -> bool:
        if high < self.first or low > self.last:
            return False
        low, high = max(low, self.first), min(high, self.last)
        return not any(first <= low and high <= last for first, last in self.reserved)


def ephemeral_ports(proc: Path = _PROC) -> Ephemeral | None:
    """The system's ephemeral ports; None where they are not known."""
    try:
        first, last = (proc / "ip_local_port_range").read_text().split()
        ranges = (proc / "ip_local_reserved_ports").read_text().strip()
        reserved = []
        for entry in filter(None, ranges.split(",")):
            low, _, high = entry.partition("-")
            reserved.append((int(low), int(high or low)))
        return Ephemeral(int(first), int(last), tuple(reserved))
    except (OSError, ValueError):
        return None


def findings(config: Config, ephemeral: Ephemeral | None) -> Iterator[Finding]:
    for check in _CHECKS:
        yield from check(config)
    if ephemeral is not None:
        yield from _ephemeral(config, ephemeral)


def _port_range(config: Config) -> Iterator[Finding]:
    rtp, sip = config.rtp, config.sip
    both: tuple[KeyPath, ...] = (("rtp", "port_max"), ("rtp", "port_min"))
    if rtp.port_max <= rtp.port_min:
        yield Finding(
            both,
            f"a call takes two ports; the range from port_min = {rtp.port_min} has no room",
            f"port_max = {min(rtp.port_min + 8191, 65535)}",
        )
        return
    pairs = (rtp.port_max - rtp.port_min + 1) // 2
    if sip.max_calls > pairs:
        yield Finding(
            (("sip", "max_calls"), *both),
            f"is more than the RTP range has room for: {pairs} calls, and a used pair of ports "
            f"rests for {rtp.port_rest_s:g} s",
            f"widen rtp.port_min to rtp.port_max, or max_calls = {pairs}",
        )
    if "udp" in sip.transports and rtp.port_min <= sip.port <= rtp.port_max:
        yield Finding(
            (("sip", "port"), ("sip", "transports"), *both),
            f"lies inside the RTP range {rtp.port_min} to {rtp.port_max}",
            "port = 5060, or move the RTP range",
        )


def _ephemeral(config: Config, ephemeral: Ephemeral) -> Iterator[Finding]:
    low, high = config.rtp.port_min, config.rtp.port_max
    if low < high and ephemeral.overlaps(low, high):
        yield Finding(
            (("rtp", "port_min"), ("rtp", "port_max")),
            f"{low} to {high} overlaps the ports that the system hands out by itself "
            f"({ephemeral.first} to {ephemeral.last}): now and then a pair is taken",
            f"sysctl -w net.ipv4.ip_local_reserved_ports={low}-{high}, or use 16384 to 24575",
            "warning",
        )


def _timers(config: Config) -> Iterator[Finding]:
    sip, rtp = config.sip, config.rtp
    if sip.min_session_expires_s > sip.session_expires_s:
        yield Finding(
            (("sip", "min_session_expires_s"), ("sip", "session_expires_s")),
            f"is more than session_expires_s = {sip.session_expires_s}",
            f"at most {sip.session_expires_s}",
        )
    if rtp.hold_timeout_s < rtp.timeout_s:
        yield Finding(
            (("rtp", "hold_timeout_s"), ("rtp", "timeout_s")),
            f"is less than timeout_s = {rtp.timeout_s:g}: a call on hold is silent on purpose",
            "300",
        )
    if rtp.max_hold_ms < rtp.hold_ms:
        yield Finding(
            (("rtp", "max_hold_ms"), ("rtp", "hold_ms")),
            f"is less than hold_ms = {rtp.hold_ms}",
            f"at least {rtp.hold_ms}",
        )


def _who_may_call(config: Config) -> Iterator[Finding]:
    sip = config.sip
    path: KeyPath = ("sip", "accept")
    reachable = [join(host, sip.port) for host in sip.host if not is_loopback(host)]
    if sip.accept == "any" and reachable:
        yield Finding(
            (path, ("sip", "host")),
            f"every host that reaches {' or '.join(reachable)} can call, and you pay for the model",
            '"trunks", with the PBX or provider under [[accounts]] or [[trunks]]',
            "warning",
        )
    if sip.accept == "trunks" and not (config.accounts or any(t.calls_in for t in config.trunks)):
        yield Finding(
            (path, ("accounts",), ("trunks",)),
            "there is no account and no trunk with hosts: every incoming call is refused",
            'add [[accounts]] or [[trunks]], or accept = "any" for a demo',
            "warning",
        )


_ANYONE: Final = "anyone"
"""In routes and records: who may call by `sip.accept = "any"`."""


def _names(config: Config) -> Iterator[Finding]:
    seen: dict[str, KeyPath] = {}
    entries: list[tuple[KeyPath, str]] = [
        *((("accounts", i, "name"), account.name) for i, account in enumerate(config.accounts)),
        *((("trunks", i, "name"), trunk.name) for i, trunk in enumerate(config.trunks)),
    ]
    for path, name in entries:
        if name == _ANYONE:
            what = "is the name of callers that are of no trunk and account"
            yield Finding((path,), what, f'another name, such as "{name}-1"')
        first = seen.setdefault(name, path)
        if first is not path:
            yield Finding(
                (path, first),
                "is the name of another account or trunk; logs and routes could not tell them "
                "apart",
                f'another name, such as "{name}-2"',
            )


def _accounts(config: Config) -> Iterator[Finding]:
    seen: dict[tuple[str, str], KeyPath] = {}
    for index, account in enumerate(config.accounts):
        path: KeyPath = ("accounts", index, "user")
        registrar: KeyPath = ("accounts", index, "registrar")
        backups: KeyPath = ("accounts", index, "backup_registrars")
        for place, uri in enumerate(account.registrars):
            key = (*backups, place - 1) if place else registrar
            if uri in account.registrars[:place]:
                yield Finding((key, registrar), f'"{uri}" is there twice', "remove it")
                continue
            first = seen.setdefault((account.user, uri), path)
            if first is not path:
                yield Finding(
                    (path, first, key),
                    "registers the same user at the same registrar as another account",
                    "remove one of them",
                )
            yield from _server(config, key, uri)
        yield from _server(config, ("accounts", index, "proxy"), account.proxy)
        yield from _password(index, account)


def _password(index: int, account: AccountSection) -> Iterator[Finding]:
    path: KeyPath = ("accounts", index, "password")
    file: KeyPath = ("accounts", index, "password_file")
    if not account.password.get_secret_value() and "password" not in account.model_fields_set:
        yield Finding(
            (path, file),
            "is missing",
            f'password_file = "/etc/sipua/{account.name}.secret" (environment: '
            f"SIPUA_ACCOUNTS__{index}__PASSWORD_FILE);\n"
            'password = "" when the registrar really asks for none',
        )


def _trunks(config: Config) -> Iterator[Finding]:
    owner: dict[str, KeyPath] = {}
    for index, trunk in enumerate(config.trunks):
        hosts: KeyPath = ("trunks", index, "hosts")
        proxy: KeyPath = ("trunks", index, "proxy")
        yield from _servers(config, index, trunk)
        if not trunk.calls_in and not trunk.every_server:
            yield Finding(
                (hosts, proxy),
                "has neither hosts (calls in) nor a proxy (calls out): it does nothing",
                'hosts = ["203.0.113.10"], the addresses that the provider names',
            )
        for host in trunk.hosts:
            if (first := owner.setdefault(host, hosts)) is not hosts:
                yield Finding(
                    (hosts, first), f'"{host}" belongs to another trunk already', "remove it here"
                )
            yield from _too_wide(hosts, host)
        yield from _trunk_realm(index, trunk)


def _servers(config: Config, index: int, trunk: TrunkSection) -> Iterator[Finding]:
    proxy: KeyPath = ("trunks", index, "proxy")
    outbound: KeyPath = ("trunks", index, "outbound_proxy")
    if trunk.servers and trunk.proxy:
        yield Finding(
            (proxy, ("trunks", index, "servers")),
            "is one server more beside those of `servers`: in which order would calls go?",
            "remove it, or name it among `servers`",
        )
    yield from _server(config, outbound, trunk.outbound_proxy)
    if not trunk.outbound_proxy:  # else that reaches them, not we
        yield from _server(config, proxy, trunk.proxy)
    if trunk.outbound_proxy and not trunk.every_server:
        yield Finding(
            (outbound, proxy),
            "leads to no server: the trunk has none that our calls go to",
            'proxy = "sip:…", the server behind it',
        )
    seen: dict[str, KeyPath] = {}
    for place, server in enumerate(trunk.servers):
        path: KeyPath = ("trunks", index, "servers", place, "uri")
        first = seen.setdefault(server.uri, path)
        if first is not path:
            yield Finding((path, first), f'"{server.uri}" is there twice', "remove it")
        if not trunk.outbound_proxy:
            yield from _server(config, path, server.uri)


def _too_wide(path: KeyPath, host: str) -> Iterator[Finding]:
    try:
        network = ipaddress.ip_network(host)
    except ValueError:
        return  # a name
    if network.prefixlen < _WIDEST_TRUNK_PREFIX[network.version]:
        yield Finding(
            (path,),
            f"{host} lets {network.num_addresses:,} addresses call",
            "the networks that the provider names",
            "warning",
        )


def _trunk_realm(index: int, trunk: TrunkSection) -> Iterator[Finding]:
    if trunk.password.get_secret_value() and not trunk.realm:
        yield Finding(
            (("trunks", index, "realm"), ("trunks", index, "password")),
            "is missing: without it every challenge would get our digest",
            "the realm in the provider's 401 or 407 (WWW-Authenticate: Digest realm=...)",
        )


def _server(config: Config, path: KeyPath, uri: str) -> Iterator[Finding]:
    try:
        server = parse_server(uri)
    except UriError:
        return  # empty; any other fault was reported before
    sip = config.sip
    if server.transport not in sip.transports:
        yield Finding(
            (path, ("sip", "transports")),
            f"needs {server.transport}, which sip.transports leaves out",
            f'add "{server.transport}" to sip.transports',
        )
    from_here = [host for host in sip.host if server.may_be_reached_from(host)]
    if not from_here:
        yield Finding(
            (path, ("sip", "host")),
            f"is an {family(server.host)} address, and sip.host has none of that family",
            f"{BOTH_FAMILIES} under [sip] (one address of each family)",
        )
    elif all(is_loopback(host) for host in from_here) and not server.is_loopback:
        yield Finding(
            (path, ("sip", "host")),
            f"cannot be reached from sip.host = {' and '.join(from_here)}, "
            "which is this machine only",
            f"{_ALL[family(from_here[0])]} under [sip]",
            "error" if server.is_address else "warning",
        )


def _agent(config: Config) -> Iterator[Finding]:
    agent = config.agent
    open_to_all = not is_loopback(agent.host)
    if open_to_all and not agent.api_key.get_secret_value():
        yield Finding(
            (("agent", "host"), ("agent", "api_key")),
            "every host that reaches it may use the agent: it has no api_key",
            '"127.0.0.1", or set api_key_file under [agent]',
            "warning",
        )


_CHECKS: tuple[Callable[[Config], Iterator[Finding]], ...] = (
    _port_range,
    own_addresses,
    _timers,
    _who_may_call,
    _names,
    _accounts,
    _trunks,
    tls,
    stir,
    protocol,
    outbound_routes,
    refer,
    users,
    engines,
    _agent,
    recovery,
    supervise,
    tools,
    transfer,
    routes,
    placeholders,
    menus,
    queues,
    hours,
    answering,
    record,
    recording,
    api,
    cdr,
    webhooks,
    traces,
)
