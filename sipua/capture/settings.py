"""The settings of captures, and which calls they want."""

from __future__ import annotations

from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path


@dataclass(frozen=True, slots=True)
class CaptureSettings:
    directory: Path
    max_bytes_per_call: int
    max_total_bytes: int
    match: str = ""
    sip: bool = True
    rtp: bool = True


def wanted(settings: CaptureSettings, *uris: str) -> bool:
    """Whether a call between these is captured."""
    return not settings.match or any(_matches(settings.match, uri) for uri in uris)


def _matches(pattern: str, uri: str) -> bool:
    """A part of the URI, or a pattern with * and ? for the whole."""
    if any(wild in pattern for wild in "*?["):
        return fnmatchcase(uri, pattern)
    return pattern in uri
