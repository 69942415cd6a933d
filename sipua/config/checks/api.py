"""Contradictions of the API."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from sipua.config.checks.findings import Finding
from sipua.config.sections.api import SHORTEST_TOKEN
from sipua.config.sections.config import Config
from sipua.config.sections.engine import EngineSection
from sipua.config.values.problems import KeyPath, Severity
from sipua.rtp.hostport import is_address, is_loopback

_MAKE = "umask 077; openssl rand -hex 24 > FILE, and token_file = FILE"


def api(config: Config) -> Iterator[Finding]:
    yield from _tokens(config)
    if config.api.enabled:
        yield from _address(config)
        yield from _tls(config)
    yield from _twilio(config)


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


def _twilio(config: Config) -> Iterator[Finding]:
    one = config.twilio
    leads = any(route.voice_url for route in config.routes)
    if one.account_sid and not (config.api.enabled or leads):
        yield Finding(
            (("twilio", "account_sid"), ("api", "enabled")),
            "has no effect: its REST is served by the API",
            "enabled = true under [api]",
        )
    yield from _other_accounts(config)
    if one.recordings:
        yield from _recordings(config)
    if one.hosts and not (one.account_sid or leads):
        yield Finding(
            (("twilio", "hosts"), ("twilio", "account_sid")),
            "has no effect: there are neither calls by Twilio's REST nor a route with voice_url",
            "account_sid, or leave it out",
        )
    elif (one.hosts or leads) and not one.auth_token.get_secret_value():
        yield Finding(
            (("twilio", "auth_token"), ("twilio", "auth_token_file")),
            "is empty: the agent cannot verify who asks for a document or sends a status callback",
            "auth_token_file = FILE: the agent's AuthToken",
            "warning",
        )
    if one.ca_file and not os.access(Path(one.ca_file).expanduser(), os.R_OK):
        yield Finding(
            (("twilio", "ca_file"),), "there is no such file that we may read", "correct the path"
        )


def _recordings(config: Config) -> Iterator[Finding]:
    """What nobody could fetch is not recorded."""
    one, at = config.twilio, ("twilio", "recordings")
    if not one.account_sid:
        yield Finding(
            (at, ("twilio", "account_sid")),
            "needs account_sid: recordings are fetched by Twilio's REST, which is not served",
            '"AC" and 32 hexadecimal digits',
        )
    elif not config.api.enabled:
        yield Finding(
            (at, ("api", "enabled")),
            "needs the API, which serves recordings",
            "enabled = true under [api]",
        )
    if not one.api_url:
        yield Finding(
            (at, ("twilio", "api_url")),
            "needs api_url: the agent would not know where recordings are",
            'api_url = "https://edge.example.com:8090"',
        )


def _other_accounts(config: Config) -> Iterator[Finding]:
    account = config.twilio.account_sid
    engines: list[tuple[KeyPath, EngineSection]] = [(("engine",), config.engine)]
    engines += [(("engines", name), engine) for name, engine in config.engines.items()]
    for at, engine in engines:
        if account and engine.type == "twilio_stream" and engine.account_sid != account:
            yield Finding(
                ((*at, "account_sid"), ("twilio", "account_sid")),
                "differs: the agent would ask by REST for an account that is not there",
                f'"{account}"',
                "warning",
            )


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
