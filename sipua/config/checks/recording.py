"""Contradictions around recordings."""

from __future__ import annotations

import os
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import urlsplit

from sipua.config.checks.findings import Finding
from sipua.config.sections.config import Config
from sipua.config.sections.recording import S3Section
from sipua.rtp.hostport import is_loopback

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
    if one.s3.bucket:
        yield from _s3(one.s3)


def _s3(s3: S3Section) -> Iterator[Finding]:
    at = ("recording", "s3")
    if not s3.access_key_id:
        yield Finding(((*at, "access_key_id"),), "is empty: requests must be signed", "its name")
    if not s3.secret_access_key.get_secret_value():
        yield Finding(
            ((*at, "secret_access_key"), (*at, "secret_access_key_file")),
            "is empty: requests must be signed",
            "the key in a file, and secret_access_key_file = FILE",
        )
    parts = urlsplit(s3.endpoint)
    if parts.scheme == "http" and not is_loopback(parts.hostname or ""):
        yield Finding(
            ((*at, "endpoint"),),
            "the sound of calls crosses the network unencrypted",
            f'"https://{parts.netloc}{parts.path}"',
            "warning",
        )
    if s3.ca_file and not os.access(Path(s3.ca_file).expanduser(), os.R_OK):
        yield Finding(((*at, "ca_file"),), "there is no such file that we may read", "its path")


def _installed(name: str) -> bool:
    return find_spec(name) is not None
