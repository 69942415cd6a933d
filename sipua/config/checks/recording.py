"""Contradictions around recordings."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.util import find_spec

from sipua.config.checks.findings import Finding
from sipua.config.sections.config import Config

_EXTRA = "pip install 'sipua[recording]'"


def recording(config: Config) -> Iterator[Finding]:
    one = config.recording
    on = one.when != "off" or any(route.recording not in ("", "off") for route in config.routes)
    if on and one.format in ("flac", "opus") and not _installed("soundfile"):
        yield Finding((("recording", "format"),), "needs soundfile, which is not installed", _EXTRA)
    if on and one.recipients and not _installed("pyrage"):
        yield Finding(
            (("recording", "recipients"),), "needs pyrage, which is not installed", _EXTRA
        )
    if one.announcement and one.consent == "none":
        yield Finding(
            (("recording", "announcement"), ("recording", "consent")),
            'is not played while consent = "none"',
            'consent = "announce"',
            "warning",
        )


def _installed(name: str) -> bool:
    return find_spec(name) is not None
