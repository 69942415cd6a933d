"""Contradictions around traces."""

from __future__ import annotations

import os
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import urlsplit

from sipua.config.checks.findings import Finding
from sipua.config.sections.config import Config
from sipua.rtp.hostport import is_loopback


def traces(config: Config) -> Iterator[Finding]:
    one = config.traces
    for index, trunk in enumerate(config.trunks):
        if trunk.traceparent and not one.enabled:
            yield Finding(
                (("trunks", index, "traceparent"), ("traces", "enabled")),
                "means nothing while no traces are written",
                "[traces] enabled = true",
                "warning",
            )
    if not one.enabled:
        return
    if not _installed():
        yield Finding(
            (("traces", "enabled"),),
            "needs opentelemetry-proto, which is not installed",
            "pip install 'sipua[otel]'",
        )
    parts = urlsplit(one.endpoint)
    if parts.scheme == "http" and not is_loopback(parts.hostname or ""):
        what = "its headers" if one.headers else "numbers and words" if one.private else ""
        if what:
            yield Finding(
                (("traces", "endpoint"),),
                f"{what} cross the network unencrypted",
                f'"https://{parts.netloc}{parts.path}"',
                "warning",
            )
    if one.ca_file and not os.access(Path(one.ca_file).expanduser(), os.R_OK):
        yield Finding(
            (("traces", "ca_file"),), "there is no such file that we may read", "its path"
        )


def _installed() -> bool:
    try:
        return find_spec("opentelemetry.proto") is not None
    except ModuleNotFoundError:  # there is nothing of OpenTelemetry at all
        return False
