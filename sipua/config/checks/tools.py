"""Contradictions among the tools."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import urlsplit

from sipua.config.checks.findings import Finding
from sipua.config.sections.config import Config
from sipua.config.values.problems import KeyPath
from sipua.rtp.hostport import is_loopback


def tools(config: Config) -> Iterator[Finding]:
    yield from _names(config)
    for index, webhook in enumerate(config.tools.webhooks):
        yield from _unencrypted(("tools", "webhooks", index, "url"), webhook.url)
        yield from _unsigned(config, index)
    for index, server in enumerate(config.tools.mcp):
        yield from _unencrypted(("tools", "mcp", index, "url"), server.url)
        yield from _never_run(config, index)


def _names(config: Config) -> Iterator[Finding]:
    seen: dict[str, KeyPath] = dict.fromkeys(config.tools.builtin, ("tools", "builtin"))
    for index, webhook in enumerate(config.tools.webhooks):
        path: KeyPath = ("tools", "webhooks", index, "name")
        first = seen.setdefault(webhook.name, path)
        if first is not path:
            yield Finding(
                (path, first),
                "is the name of another tool; the model could not tell them apart",
                f'another name, such as "{webhook.name}_2"',
            )
    labels: dict[str, KeyPath] = {}
    for index, server in enumerate(config.tools.mcp):
        path = ("tools", "mcp", index, "label")
        first = labels.setdefault(server.label, path)
        if first is not path:
            yield Finding((path, first), "is the label of another server", "another label")


def _unencrypted(path: KeyPath, url: str) -> Iterator[Finding]:
    parts = urlsplit(url)
    if parts.scheme == "http" and not is_loopback(parts.hostname or ""):
        yield Finding(
            (path,),
            "words and numbers of callers cross the network unencrypted",
            f'"https://{parts.netloc}{parts.path}"',
            "warning",
        )


def _unsigned(config: Config, index: int) -> Iterator[Finding]:
    webhook = config.tools.webhooks[index]
    proven = {"authorization", "x-api-key", "api-key"} & {name.lower() for name in webhook.headers}
    if (
        webhook.secret.get_secret_value()
        or proven
        or is_loopback(urlsplit(webhook.url).hostname or "")
    ):
        return
    yield Finding(
        (
            ("tools", "webhooks", index, "secret"),
            ("tools", "webhooks", index, "secret_file"),
            ("tools", "webhooks", index, "headers"),
        ),
        f"is empty: the server of {webhook.name} cannot verify a request",
        'secret_file = "/etc/sipua/webhook.secret"',
        "warning",
    )


def _never_run(config: Config, index: int) -> Iterator[Finding]:
    if config.tools.mcp[index].require_approval == "always":
        yield Finding(
            (("tools", "mcp", index, "require_approval"),),
            "waits for an approval, which is impossible during a call",
            '"never", with `allowed_tools` naming what may run',
            "warning",
        )
