"""The recordings of a directory: `2026-11-30/RE….wav`, and a JSON file beside each.

A file that is being written is `RE….wav.part`, and locked by its writer.
"""

from __future__ import annotations

import os
import re
import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Final

import msgspec

from sipua.process.disk import entries, is_empty
from sipua.record.retention import days
from sipua.recording.files.keeper import left_behind

SCHEMA: Final = "sipua.twiml_recording/1"
PART: Final = ".wav.part"
_SOUND: Final = ".wav"
_ABOUT: Final = ".json"
_SID: Final = re.compile(r"RE[0-9a-f]{32}")
_FILE: Final = re.compile(r"RE[0-9a-f]{32}\.(?:wav|json|json\.new)")


class About(msgspec.Struct, rename={"from_": "from"}):
    sid: str
    call_id: str
    began: datetime
    direction: str = ""
    from_: str | None = None
    """As far as `record.numbers` allows, as the next one."""
    to: str | None = None
    seconds: float = 0.0
    schema: str = SCHEMA


@dataclass(frozen=True, slots=True)
class Found:
    path: Path
    """Of the sound."""
    about: About

    @property
    def files(self) -> tuple[Path, Path]:
        """All that there is of it; the sound first: without it nothing is found any more."""
        return self.path, self.path.with_suffix(_ABOUT)


def new_sid() -> str:
    return f"RE{secrets.token_hex(16)}"


def part_of(directory: Path, about: About) -> Path:
    """The file that it is written to."""
    return directory / about.began.date().isoformat() / f"{about.sid}{PART}"


def put_in_place(part: Path, about: About) -> None:
    """Its sound is complete: it can be found from now on. Raises OSError."""
    path = part.with_name(about.sid + _ABOUT)
    fresh = path.with_suffix(".json.new")
    descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(msgspec.json.format(msgspec.json.encode(about), indent=2) + b"\n")
    fresh.replace(path)
    part.rename(part.with_name(about.sid + _SOUND))


def remove(part: Path, about: About) -> None:
    """One that was not put in its place. Raises OSError."""
    for left in (_ABOUT, ".json.new"):
        part.with_name(about.sid + left).unlink(missing_ok=True)
    part.unlink(missing_ok=True)


def find(directory: Path, sid: str) -> Found | None:
    """`sid`: whatever a client has sent. Raises OSError."""
    if not _SID.fullmatch(sid):  # it becomes the name of a file
        return None
    for day in reversed(days(directory)):
        path = day / f"{sid}{_SOUND}"
        if path.is_file():
            return _found(path)
    return None


def every(directory: Path) -> Iterator[Found]:
    """Raises OSError."""
    for day in days(directory):
        for path in sorted(Path(entry.path) for entry in entries(day, _SOUND)):
            if _FILE.fullmatch(path.name) and (found := _found(path)) is not None:
                yield found


def delete(found: Found) -> None:
    """Raises OSError."""
    for path in found.files:
        path.unlink(missing_ok=True)


def tidy(directory: Path, *, today: date, keep_days: int, now: float) -> int:
    """Delete those that are too old (`keep_days` 0: none is), and what writers have left that were
    killed: nobody was told of it. Returns how many files. `now`: Unix time. Raises OSError."""
    first = (today - timedelta(days=keep_days)).isoformat() if keep_days else ""
    old = [
        Path(entry.path)
        for day in days(directory)
        if day.name < first
        for entry in entries(day, (_SOUND, _ABOUT, ".new"))
        if _FILE.fullmatch(entry.name)
    ]
    left = [part for part in left_behind(directory, now, PART) if part.name.startswith("RE")]
    for path in (*old, *left):
        path.unlink(missing_ok=True)
    for day in days(directory):
        if day.name != today.isoformat() and is_empty(day):
            day.rmdir()
    return len(old) + len(left)


def _found(path: Path) -> Found | None:
    try:
        about = msgspec.json.decode(path.with_suffix(_ABOUT).read_bytes(), type=About)
    except (OSError, msgspec.MsgspecError):  # it is being deleted, or is none of ours
        return None
    return Found(path, about)
