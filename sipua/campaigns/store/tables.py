"""The database of campaigns: its tables, and rows as objects.

campaign ─▶ contact   waiting ─▶ calling ─▶ done, or waiting again
               └────▶ attempt   written, and on the disk, before its INVITE leaves
"""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Final

import msgspec

from sipua.campaigns.rules.settings import Campaign, CampaignSettings
from sipua.campaigns.store import databases

VERSION: Final = 1
TABLES: Final = """
CREATE TABLE campaign (
    id INTEGER PRIMARY KEY AUTOINCREMENT, name TEXT NOT NULL UNIQUE, state TEXT NOT NULL,
    created_s REAL NOT NULL, state_s REAL NOT NULL, by TEXT NOT NULL, cause TEXT NOT NULL,
    settings BLOB NOT NULL
) STRICT;
CREATE TABLE contact (
    id INTEGER PRIMARY KEY AUTOINCREMENT, campaign INTEGER NOT NULL, number TEXT NOT NULL,
    zones TEXT NOT NULL, consent TEXT NOT NULL, priority INTEGER NOT NULL, vals BLOB NOT NULL,
    state TEXT NOT NULL DEFAULT 'waiting', outcome TEXT NOT NULL DEFAULT '',
    rule TEXT NOT NULL DEFAULT '', attempts INTEGER NOT NULL DEFAULT 0,
    due_s REAL NOT NULL DEFAULT 0, UNIQUE (campaign, number)
) STRICT;
CREATE INDEX contact_next ON contact (campaign, state, priority DESC, due_s, id);
CREATE INDEX contact_zones ON contact (campaign, state, zones, due_s);
CREATE TABLE attempt (
    id INTEGER PRIMARY KEY, campaign INTEGER NOT NULL, contact INTEGER NOT NULL,
    number TEXT NOT NULL, caller_id TEXT NOT NULL, begun_s REAL NOT NULL, ended_s REAL,
    call_id TEXT NOT NULL DEFAULT '', outcome TEXT NOT NULL DEFAULT '',
    talk_s REAL NOT NULL DEFAULT 0, abandoned INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE INDEX attempt_of_number ON attempt (number, begun_s);
CREATE INDEX attempt_of_caller ON attempt (caller_id, begun_s);
CREATE INDEX attempt_of_campaign ON attempt (campaign);
CREATE INDEX attempt_open ON attempt (number) WHERE outcome = ''
"""
ZONE_MARK: Final = " "
"""Between the zones of a contact."""

_CAMPAIGN: Final = "SELECT id, name, state, created_s, state_s, by, cause, settings FROM campaign"


def file_in(directory: Path) -> Path:
    return directory / "campaigns.sqlite3"


def connect(file: Path) -> sqlite3.Connection:
    """Raises StoreError."""
    return databases.connect(file, TABLES, VERSION)


def campaigns(database: sqlite3.Connection, name: str = "") -> list[Campaign]:
    """All, or the one of this name."""
    rows = database.execute(f"{_CAMPAIGN} WHERE ? IN ('', name) ORDER BY id", (name,))
    return [Campaign(*(*facts, decoded(settings))) for *facts, settings in rows]


def decoded(settings: bytes) -> CampaignSettings:
    return msgspec.json.decode(settings, type=CampaignSettings)


def set_state(
    database: sqlite3.Connection, campaign: int, state: str, *, by: str, cause: str, now_s: float
) -> None:
    database.execute(
        "UPDATE campaign SET state = ?, by = ?, cause = ?, state_s = ? WHERE id = ?",
        (state, by, cause, now_s, campaign),
    )
