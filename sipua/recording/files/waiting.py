"""Which recordings wait to be sent to S3: an empty file for each, made before its sound is complete
and deleted when the copy is verified. So a process that is killed forgets none.

    recordings/s3/2026-11-29.c-2hp5vgaq.2
"""

from __future__ import annotations

import fcntl
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from sipua.process.disk import make_private
from sipua.recording.files.settings import PART

FOLDER: Final = "s3"
_NAME: Final = re.compile(
    r"(?P<day>\d{4}-\d{2}-\d{2})\.(?P<stem>c-[A-Za-z0-9-]{1,62}(?:\.\d{1,9})?)"
)


@dataclass(frozen=True, slots=True)
class Waiting:
    """A recording that waits. Its files may be gone by now."""

    mark: Path
    day: str
    stem: str
    """`c-2hp5vgaq`, or `c-2hp5vgaq.2`"""

    @property
    def call_id(self) -> str:
        return self.stem.partition(".")[0]

    @property
    def folder(self) -> Path:
        return self.mark.parent.parent / self.day

    @property
    def metadata(self) -> Path:
        return self.folder / f"{self.stem}.json"

    @property
    def growing(self) -> bool:
        """Not complete yet, or its process was killed, and the next one finishes it."""
        return (self.folder / (self.stem + PART)).exists()

    @contextmanager
    def held(self) -> Iterator[bool]:
        """False: another process sends or erases it, or has done so. Raises OSError."""
        try:
            file = self.mark.open("rb")
        except FileNotFoundError:
            yield False
            return
        with file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                yield False
                return
            yield self.mark.exists()

    def over(self) -> None:
        """While it is held. Raises OSError."""
        self.mark.unlink(missing_ok=True)


def add(directory: Path, part: Path) -> None:
    """Of a part file that is about to be complete. Raises OSError."""
    make_private(directory / FOLDER / f"{part.parent.name}.{part.name.removesuffix(PART)}")


def every(directory: Path) -> list[Waiting]:
    """The oldest first."""
    try:
        marks = sorted((directory / FOLDER).iterdir())
    except OSError:  # there is no such folder
        return []
    found = ((mark, _NAME.fullmatch(mark.name)) for mark in marks)
    return [Waiting(mark, match["day"], match["stem"]) for mark, match in found if match]
