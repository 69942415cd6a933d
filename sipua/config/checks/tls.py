"""SIP over TLS: files that cannot be used, and keys that do nothing or contradict each other."""

from __future__ import annotations

import time
from collections.abc import Iterator

from sipua.config.checks.findings import Finding
from sipua.config.sections.config import Config
from sipua.config.values.problems import KeyPath
from sipua.sip.wire import certificate

_AT = ("sip", "tls")
_SOON_DAYS = 7.0


def tls(config: Config) -> Iterator[Finding]:
    yield from _trunks(config)
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
