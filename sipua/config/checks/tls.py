"""SIP over TLS: files that cannot be used, and keys that do nothing or contradict each other."""

from __future__ import annotations

import time
from collections.abc import Iterator
from typing import TypeAlias

from sipua.config.checks.findings import Finding
from sipua.config.sections.config import Config
from sipua.config.sections.trunks import AccountSection, TrunkSection
from sipua.config.values.problems import KeyPath
from sipua.config.values.uri import parse_server
from sipua.sip.wire import certificate

_AT = ("sip", "tls")
_SOON_DAYS = 7.0


def tls(config: Config) -> Iterator[Finding]:
    yield from _trunks(config)
    yield from _own(config)
    if "tls" in config.sip.transports:
        yield from _keys(config)
        yield from _files(config)
    elif config.sip.tls.certificate:
        yield Finding(
            (("sip", "transports"), (*_AT, "certificate")),
            "leaves out tls: the certificate is not used",
            '["udp", "tcp", "tls"]',
            "warning",
        )


def _keys(config: Config) -> Iterator[Finding]:
    sip, keys = config.sip, config.sip.tls
    for name, other in (("certificate", "key"), ("key", "certificate")):
        if getattr(keys, other) and not getattr(keys, name):
            path: KeyPath = (*_AT, name)
            yield Finding((path, (*_AT, other)), f"is missing: {other} needs it", "name its file")
    if not keys.certificate and set(sip.transports) == {"tls"}:
        yield Finding(
            ((*_AT, "certificate"), ("sip", "transports")),
            "is missing: without one nothing can call, as tls is the only transport",
            "name its file, and the key's",
        )
    if keys.client_certificates == "required" and not keys.client_ca_file:
        yield Finding(
            ((*_AT, "client_ca_file"), (*_AT, "client_certificates")),
            "is missing: no peer could have a certificate that is believed",
            "the file of the authority of your peers' certificates",
        )
    if keys.port and keys.port == sip.port and "tcp" in sip.transports:
        yield Finding(((*_AT, "port"), ("sip", "port")), "is the port of SIP over TCP", "5061")
    if keys.verify and not keys.ca_file and not certificate.authorities_of_the_system():
        yield Finding(
            ((*_AT, "ca_file"),),
            "is missing: this system has no file of authorities, so no server would be believed",
            "name one, or install the package ca-certificates",
        )
    if not keys.verify:
        yield Finding(
            ((*_AT, "verify"),),
            "is false: our passwords and calls go to any server that takes the address of ours",
            "verify = true, with ca_file where the certificates are of your own authority",
            "warning",
        )


def _files(config: Config) -> Iterator[Finding]:
    keys, now = config.sip.tls, time.time()
    if bool(keys.certificate) != bool(keys.key):
        return  # told already
    for ca_key in ("ca_file", "client_ca_file"):
        yield from _authorities(ca_key, getattr(keys, ca_key), now)
    try:
        found = certificate.check(keys.certificate, keys.key, "", now)
    except certificate.CertificateError as error:
        yield Finding(((*_AT, error.key),), error.what, error.fix)
        return
    if found is not None and found.days_left(now) < _SOON_DAYS:
        yield Finding(
            ((*_AT, "certificate"),),
            f"expires on {certificate.shown(found.ends_at)}",
            "renew it, then `sipua reload`",
            "warning",
        )


def _authorities(key: str, file: str, now: float) -> Iterator[Finding]:
    try:
        certificate.check("", "", file, now)
    except certificate.CertificateError as error:
        yield Finding(((*_AT, key),), error.what, error.fix)


def _trunks(config: Config) -> Iterator[Finding]:
    owners: dict[str, KeyPath] = {}
    for index, trunk in enumerate(config.trunks):
        path: KeyPath = ("trunks", index, "certificate_names")
        if trunk.certificate_names and not (
            "tls" in config.sip.transports and config.sip.tls.client_ca_file
        ):
            yield Finding(
                (path, (*_AT, "client_ca_file"), ("sip", "transports")),
                "cannot be: no certificate of a peer is believed",
                'add "tls" to sip.transports, and client_ca_file under [sip.tls]',
            )
        for name in () if trunk.hosts else trunk.certificate_names:
            first = owners.setdefault(name, path)
            if first is not path:
                yield Finding((path, first), f'"{name}" is of another trunk', "remove it here")


Peer: TypeAlias = TrunkSection | AccountSection


def peers(config: Config) -> Iterator[tuple[KeyPath, Peer]]:
    """Whom we may connect to."""
    for index, trunk in enumerate(config.trunks):
        yield ("trunks", index), trunk
    for index, account in enumerate(config.accounts):
        yield ("accounts", index), account


def own_tls(peer: Peer) -> bool:
    """Whether it has keys of its own for connections that we make to it."""
    named = peer.tls_certificate or peer.tls_key or peer.tls_ca_file
    return bool(named) or peer.tls_verify != "inherit"


def tls_hosts(peer: Peer) -> tuple[str, ...]:
    """The hosts that we connect to for it."""
    if isinstance(peer, TrunkSection):
        uris = [server.uri for server in peer.every_server] + [peer.outbound_proxy]
    else:
        uris = [*peer.registrars, peer.proxy]
    hosts = [parse_server(uri).host.lower().strip("[]") for uri in uris if uri]
    return tuple(dict.fromkeys(hosts))


def _own(config: Config) -> Iterator[Finding]:
    owners: dict[str, tuple[KeyPath, tuple[str, ...]]] = {}
    for at, peer in peers(config):
        keys = (peer.tls_certificate, peer.tls_key, peer.tls_ca_file, peer.tls_verify)
        for host in tls_hosts(peer):
            first, theirs = owners.setdefault(host, (at, keys))
            if theirs != keys:
                yield Finding(
                    ((*at, "tls_certificate"), (*first, "tls_certificate")),
                    f"and the other tls_ keys must be the same for all that is at {host}: one "
                    "connection serves all of them",
                    "give both the same tls_ keys, or hosts of their own",
                )
        if own_tls(peer):
            yield from _own_of(config, peer, at)


def _own_of(config: Config, peer: TrunkSection | AccountSection, at: KeyPath) -> Iterator[Finding]:
    if "tls" not in config.sip.transports:
        yield Finding(
            ((*at, "tls_certificate"), ("sip", "transports")),
            "and the other tls_ keys do nothing: tls is not among sip.transports",
            '["udp", "tcp", "tls"]',
            "warning",
        )
        return
    for name, other in (("tls_certificate", "tls_key"), ("tls_key", "tls_certificate")):
        if getattr(peer, other) and not getattr(peer, name):
            path: KeyPath = (*at, name)
            yield Finding((path, (*at, other)), f"is missing: {other} needs it", "name its file")
            return
    try:
        certificate.check(peer.tls_certificate, peer.tls_key, peer.tls_ca_file, time.time())
    except certificate.CertificateError as error:
        yield Finding(((*at, f"tls_{error.key}"),), error.what, error.fix)
    if peer.tls_verify == "off":
        yield Finding(
            ((*at, "tls_verify"),),
            'is "off": passwords and calls go to any server that takes its address',
            'tls_verify = "on", with tls_ca_file where the certificates are of its own authority',
            "warning",
        )
