"""Where the recording of a call is."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from sipua.record.retention import days
from sipua.recording.files import metadata
from sipua.recording.files.keeper import of_day
from sipua.recording.files.metadata import Metadata
from sipua.recording.files.settings import PART


@dataclass(frozen=True, slots=True)
class Found:
    path: Path
    about: Metadata | None
    """None: its metadata is missing."""

    @property
    def only_in(self) -> str:
        """Where its sound is, if not here: `s3://BUCKET/KEY`; `path` is its metadata then."""
        there = self.about.upload if self.about is not None else None
        return there.to if there is not None and self.path.suffix == ".json" else ""

    @property
    def growing(self) -> bool:
        """Or its process was killed, and nobody has finished it yet."""
        return self.path.name.endswith(PART)


def find(directory: Path, call_id: str, number: int = 1) -> Found | None:
    """`call_id`: trusted to be one. `number`: of the recordings of a call."""
    name = call_id if number == 1 else f"{call_id}.{number}"
    for day in reversed(days(directory)):
        if files := of_day(day).get(name):
            return _found(files)
    return None


def every(directory: Path) -> Iterator[Found]:
    """All, the newest day first."""
    for day in reversed(days(directory)):
        for files in of_day(day).values():
            if found := _found(files):
                yield found


def _found(files: list[Path]) -> Found | None:
    about = next((metadata.read(path) for path in files if path.suffix == ".json"), None)
    sounds = [path for path in files if path.suffix != ".json"]
    # A part that stands beside the finished file is about to be deleted.
    whole = [path for path in sounds if not path.name.endswith(PART)]
    if sounds:
        return Found((whole or sounds)[0], about)
    return Found(files[0], about) if about is not None and about.upload is not None else None
