"""The numbered changes of a database's tables, each a file: applied in order, never changed."""

from __future__ import annotations

from dataclasses import dataclass
from importlib import resources
from typing import Literal


@dataclass(frozen=True, slots=True)
class Migration:
    version: int
    sql: str


def behind(dialect: Literal["sqlite", "postgres"], version: int) -> list[Migration]:
    """Those that tables of this version lack; 0: there are none yet."""
    folder = resources.files("sipua.outputs.cdr") / "migrations" / dialect
    found = [
        Migration(int(entry.name.partition("_")[0]), entry.read_text("utf-8"))
        for entry in folder.iterdir()
        if entry.name.endswith(".sql")
    ]
    found.sort(key=lambda migration: migration.version)
    return [migration for migration in found if migration.version > version]
