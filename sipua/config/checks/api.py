"""Contradictions of the API."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from sipua.config.checks.findings import Finding
from sipua.config.sections.api import SHORTEST_TOKEN
from sipua.config.sections.config import Config
from sipua.config.values.problems import KeyPath, Severity
from sipua.rtp.hostport import is_address, is_loopback

_MAKE = "umask 077; openssl rand -hex 24 > FILE, and token_file = FILE"


def api(config: Config) -> Iterator[Finding]:
    yield from _tokens(config)
    if config.api.enabled:
        yield from _address(config)
        yield from _tls(config)


def _address(config: Config) -> Iterator[Finding]:
    one, host = config.api, ("api", "host")
    if not is_address(one.host):
        fix = '"127.0.0.1", or an address of this machine (`ip addr` lists them)'
        yield Finding((host,), "is not an IP address", fix)
        return
    if not one.tokens:
        severity: Severity = "warning" if is_loopback(one.host) else "error"
        yield Finding(
            (("api", "tokens"), host),
            "there is none: only /health/ answers",
            f"[[api.tokens]] with a name and a token_file ({_MAKE})",
            severity,
        )
    if not is_loopback(one.host) and not (one.tls_certificate and one.tls_key):
        yield Finding(
            (host, ("api", "tls_certificate"), ("api", "tls_key")),
            "other machines reach it, and tokens would be sent to it in the clear",
            '"127.0.0.1", or tls_certificate and tls_key',
        )
    if one.port and one.port == config.sip.port and "tcp" in config.sip.transports:
        yield Finding((("api", "port"), ("sip", "port")), "is SIP's port, too", "8090")


def _tls(config: Config) -> Iterator[Finding]:
    one = config.api
    names: tuple[tuple[str, str], ...] = (
        ("tls_certificate", one.tls_certificate),
        ("tls_key", one.tls_key),
    )
    for name, file in names:
        other = "tls_key" if name == "tls_certificate" else "tls_certificate"
        path: KeyPath = ("api", name)
        if not file and getattr(one, other):
            yield Finding((path, ("api", other)), f"is missing: {other} needs it", "name its file")
        elif file and not os.access(Path(file).expanduser(), os.R_OK):
            yield Finding((path,), "there is no such file that we may read", "correct the path")


def _tokens(config: Config) -> Iterator[Finding]:
    names: dict[str, KeyPath] = {}
    values: dict[str, KeyPath] = {}
    for index, token in enumerate(config.api.tokens):
        at: KeyPath = ("api", "tokens", index)
        first = names.setdefault(token.name, (*at, "name"))
        if first != (*at, "name"):
            yield Finding(((*at, "name"), first), "is the name of another token", "another name")
        text = token.token.get_secret_value()
        path: KeyPath = (*at, "token")
        if not text:
            if not token.token_file:
                yield Finding((path, (*at, "token_file")), "is missing", _MAKE)
            continue
        if len(text) < SHORTEST_TOKEN or not text.isascii() or " " in text:
            yield Finding(
                (path,),
                f"needs at least {SHORTEST_TOKEN} characters (ASCII, no blank): it can be guessed",
                _MAKE,
            )
        same = values.setdefault(text, path)
        if same is not path:
            yield Finding((path, same), "is another token, too", _MAKE)
