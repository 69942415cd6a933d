"""Contradictions among the webhooks that get events."""

from __future__ import annotations

import ipaddress
import os
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

from sipua.config.checks.findings import Finding
from sipua.config.sections.config import Config
from sipua.config.values.problems import KeyPath
from sipua.rtp.hostport import is_loopback

# Each could make two messages of one, or another one of it.
_OURS = frozenset(
    {"connection", "content-encoding", "content-length", "content-type", "expect", "host"}
    | {"keep-alive", "te", "trailer", "transfer-encoding", "upgrade"}
)


def webhooks(config: Config) -> Iterator[Finding]:
    names: dict[str, KeyPath] = {}
    for index, one in enumerate(config.webhooks):
        at: KeyPath = ("webhooks", index)
        first = names.setdefault(one.name, (*at, "name"))
        if first != (*at, "name"):
            yield Finding(((*at, "name"), first), "is the name of another webhook", "another name")
        if one.enabled:
            yield from _of_one(config, index)
    if config.webhook_spool.retry_s[0] > 0:
        yield Finding(
            (("webhook_spool", "retry_s"),),
            "delays the first attempt, too",
            "0 as the first pause",
            "warning",
        )


def _of_one(config: Config, index: int) -> Iterator[Finding]:
    one, at = config.webhooks[index], ("webhooks", index)
    parts = urlsplit(one.url)
    host = parts.hostname or ""
    if parts.scheme == "http" and not is_loopback(host):
        yield Finding(
            ((*at, "url"),),
            "numbers of callers cross the network unencrypted",
            f'"https://{parts.netloc}{parts.path}"',
            "warning",
        )
    if not one.secret.get_secret_value():
        if one.second_secret.get_secret_value():
            yield Finding(
                ((*at, "second_secret"), (*at, "secret")), "is the only one", "name it `secret`"
            )
        else:
            yield Finding(
                ((*at, "secret"), (*at, "secret_file")),
                f"is empty: {one.name} cannot verify who sends an event",
                'printf "whsec_%s" "$(openssl rand -base64 32)" > FILE, and secret_file = FILE',
                "warning",
            )
    if not _allowed(host, one.allow):
        yield Finding(
            ((*at, "url"), (*at, "allow")),
            "is no public address, and `allow` does not name it: nothing can be delivered",
            f'allow = ["{"127.0.0.1" if host == "localhost" else host}"]',
        )
    for name in one.headers:
        if name.lower() in _OURS or name.lower().startswith("webhook-"):
            yield Finding(
                ((*at, "headers"),), f"{name} is set by the edge itself", "another name, or none"
            )
    if one.batch and one.format != "cloudevents":
        yield Finding(
            ((*at, "batch"), (*at, "format")), "is for CloudEvents", 'format = "cloudevents"'
        )
    if one.ca_file and not os.access(Path(one.ca_file).expanduser(), os.R_OK):
        yield Finding(((*at, "ca_file"),), "there is no such file that we may read", "its path")


def _allowed(host: str, allow: tuple[str, ...]) -> bool:
    """Names are judged when they are connected to, `localhost` alone is known before."""
    try:
        address = ipaddress.ip_address("127.0.0.1" if host == "localhost" else host)
    except ValueError:
        return True
    networks = [ipaddress.ip_network(text) for text in allow]
    if host == "localhost":
        return any(network.is_loopback for network in networks)
    return address.is_global or any(address in network for network in networks)
