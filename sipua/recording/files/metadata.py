"""The metadata of a recording: a JSON file beside it, written at its begin and at its end."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, Final

import msgspec

SCHEMA: Final = "sipua.recording/1"


class Pause(msgspec.Struct, omit_defaults=True):
    from_ms: int
    by: str
    until_ms: int | None = None
    """None: to the end."""


class Upload(msgspec.Struct):
    """Where a copy is, verified there."""

    to: str
    """`s3://BUCKET/KEY`"""
    at: str
    verified: str
    """By what: `checksum`, `etag`, `read`."""


class Metadata(msgspec.Struct, rename={"from_": "from"}):
    call_id: str
    began: str
    """RFC 3339: of the file, not of the call."""
    schema: str = SCHEMA
    direction: str = ""
    from_: str | None = None
    """As far as `record.numbers` allows, as the next one."""
    to: str | None = None
    origin: str = ""
    route: str = ""
    by: str = ""
    """Who began it: a token, the agent, or the configuration."""
    basis: str = "none"
    """The consent: `none`, `announce`, `key`."""
    left: str = "caller"
    right: str = "agent"
    format: str = ""
    file: str = ""
    """Its name, once it is complete."""
    seconds: float = 0.0
    bytes: int = 0
    sha256: str = ""
    pauses: list[Pause] = []
    missed_s: float = 0.0
    failed: str = ""
    upload: Upload | None = None


def write(path: Path, metadata: Metadata) -> None:
    """The whole file or none, readable by its owner alone. Raises OSError."""
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    fresh = path.with_suffix(".json.new")
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(encode(metadata))
    fresh.replace(path)


def encode(metadata: Metadata) -> bytes:
    return msgspec.json.format(msgspec.json.encode(metadata), indent=2) + b"\n"


def read(path: Path) -> Metadata | None:
    """None: it is not there, or is no such file."""
    try:
        return msgspec.json.decode(path.read_bytes(), type=Metadata)
    except (OSError, msgspec.MsgspecError):
        return None


def shown(metadata: Metadata) -> dict[str, Any]:
    told: dict[str, Any] = msgspec.to_builtins(metadata)
    return told
