"""The settings of call records."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True, slots=True)
class CdrSettings:
    directory: Path
    keep_days: int = 365
    """0: for ever."""
    max_total_bytes: int = 1_000_000_000
    sqlite: bool = True
    postgres: str = field(default="", repr=False)
    """Its address, with the password. Empty: none."""

    @property
    def sqlite_file(self) -> Path:
        return sqlite_file(self.directory)


def sqlite_file(directory: Path) -> Path:
    return directory / "cdr.sqlite3"
