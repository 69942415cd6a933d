"""Campaigns as the API knows them: made, filled, begun, paused, reported. Plain functions.

The edge that calls sees a change within a second.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import msgspec

from sipua.campaigns.rules.contacts import NewContact
from sipua.campaigns.rules.outcomes import LIVE
from sipua.campaigns.rules.settings import Campaign, CampaignSettings, State
from sipua.campaigns.store import tables
from sipua.campaigns.store.databases import exists, told, transaction

MOST_CONTACTS: Final = 1_000_000
MOST_CAMPAIGNS: Final = 1000
_FROM: Final[dict[State, tuple[State, ...]]] = {
    "running": ("new", "paused", "finished"),
    "paused": ("running",),
    "stopped": ("new", "running", "paused", "finished"),
}
"""The state that is wanted, and those in which it may be."""


class WrongStateError(Exception):
    """The text says why it cannot be done now."""


class TakenError(Exception):
    """There is one of this name."""


class FullError(Exception):
    """The text says what there are too many of."""


@dataclass(frozen=True, slots=True)
class Contact:
    id: int
    number: str
    zones: str
    consent: str
    priority: int
    state: str
    outcome: str
    rule: str
    attempts: int
    due_s: float
    values: dict[str, str]


@dataclass(slots=True)
class Report:
    """`contacts` is the sum of `waiting`, `calling` and `done`."""

    contacts: int = 0
    waiting: int = 0
    calling: int = 0
    done: dict[str, int] = field(default_factory=dict)
    """By outcome."""
    blocked: dict[str, int] = field(default_factory=dict)
    """Those of the outcome `blocked`, by rule."""
    attempts: dict[str, int] = field(default_factory=dict)
    """By outcome; `calling`: those that are under way."""
    answered_live: int = 0
    """Attempts that a person has answered, or that it is not known who has."""
    abandoned: int = 0
    """Of these, those who heard nothing of ours in time."""
    talk_s: float = 0.0
    first_s: float | None = None
    last_s: float | None = None


def create(
    directory: Path, name: str, settings: CampaignSettings, by: str, now_s: float
) -> Campaign:
    """Raises StoreError, TakenError, FullError."""
    file = tables.file_in(directory)
    with told(file), closing(tables.connect(file)) as database:
        with transaction(database):
            if tables.campaigns(database, name):
                raise TakenError
            (there,) = database.execute("SELECT count(*) FROM campaign").fetchone()
            if there >= MOST_CAMPAIGNS:
                raise FullError(f"there are {there} campaigns: delete old ones")
            database.execute(
                "INSERT INTO campaign (name, state, created_s, state_s, by, cause, settings) "
                "VALUES (?, 'new', ?, ?, ?, '', ?)",
                (name, now_s, now_s, by, msgspec.json.encode(settings)),
            )
        return tables.campaigns(database, name)[0]


def every(directory: Path) -> list[Campaign]:
    """Raises StoreError."""
    with opened(directory) as database:
        return [] if database is None else tables.campaigns(database)


def named(directory: Path, name: str) -> Campaign | None:
    """Raises StoreError."""
    with opened(directory) as database:
        found = [] if database is None else tables.campaigns(database, name)
        return found[0] if found else None


def add(directory: Path, campaign: Campaign, contacts: Iterable[NewContact]) -> int:
    """All of them, or none; how many were not there before. Raises StoreError, FullError,
    WrongStateError."""
    added = 0
    with opened(directory) as database:
        assert database is not None
        with transaction(database):
            now = tables.campaigns(database, campaign.name)
            if not now or now[0].state == "stopped":
                raise WrongStateError("the campaign was stopped")
            count = "SELECT count(*) FROM contact WHERE campaign = ?"
            (there,) = database.execute(count, (campaign.id,)).fetchone()
            for one in contacts:
                done = database.execute(
                    "INSERT OR IGNORE INTO contact "
                    "(campaign, number, zones, consent, priority, vals, due_s) "
                    "VALUES (?, ?, ?, ?, ?, ?, ?)",
                    (
                        campaign.id,
                        one.number,
                        tables.ZONE_MARK.join(one.zones),
                        one.consent,
                        one.priority,
                        msgspec.json.encode(one.values),
                        max(one.not_before_s, campaign.settings.not_before_s),
                    ),
                )
                added += done.rowcount
            if there + added > MOST_CONTACTS:
                raise FullError(f"a campaign has at most {MOST_CONTACTS} contacts")
    return added


def change(directory: Path, name: str, state: State, by: str, now_s: float) -> Campaign | None:
    """None: there is none. Raises StoreError, WrongStateError."""
    with opened(directory) as database:
        if database is None:
            return None
        with transaction(database):
            found = tables.campaigns(database, name)
            if not found:
                return None
            if found[0].state not in (state, *_FROM[state]):
                raise WrongStateError(f"the campaign is {found[0].state}")
            if found[0].state != state:
                tables.set_state(database, found[0].id, state, by=by, cause="", now_s=now_s)
        return tables.campaigns(database, name)[0]


def delete(directory: Path, name: str) -> bool:
    """With its contacts. False: there is none. Raises StoreError, WrongStateError."""
    with opened(directory) as database:
        if database is None:
            return False
        with transaction(database):
            found = tables.campaigns(database, name)
            if not found:
                return False
            calling = "SELECT count(*) FROM contact WHERE campaign = ? AND state = 'calling'"
            (up,) = database.execute(calling, (found[0].id,)).fetchone()
            if found[0].state in ("running", "paused") or up:
                raise WrongStateError("stop it first, and let its calls end")
            database.execute("DELETE FROM contact WHERE campaign = ?", (found[0].id,))
            database.execute("DELETE FROM campaign WHERE id = ?", (found[0].id,))
            return True


def contacts(
    directory: Path, campaign: Campaign, *, state: str = "", after: int = 0, limit: int = 100
) -> list[Contact]:
    """Raises StoreError."""
    with opened(directory) as database:
        if database is None:
            return []
        rows = database.execute(
            "SELECT id, number, zones, consent, priority, state, outcome, rule, attempts, due_s, "
            "vals FROM contact WHERE campaign = ? AND ? IN ('', state) AND id > ? "
            "ORDER BY id LIMIT ?",
            (campaign.id, state, after, limit),
        )
        return [
            Contact(*(*facts, msgspec.json.decode(values, type=dict[str, str])))
            for *facts, values in rows
        ]


def report(directory: Path, campaign: Campaign) -> Report:
    """Of one moment. Raises StoreError."""
    found = Report()
    with opened(directory) as database:
        if database is None:
            return found
        database.execute("BEGIN")
        try:
            _count_contacts(database, campaign, found)
            _count_attempts(database, campaign, found)
        finally:
            database.execute("ROLLBACK")
    return found


def _count_contacts(database: sqlite3.Connection, campaign: Campaign, found: Report) -> None:
    rows = database.execute(
        "SELECT state, outcome, rule, count(*) FROM contact WHERE campaign = ? GROUP BY 1, 2, 3",
        (campaign.id,),
    )
    for state, outcome, rule, count in rows:
        found.contacts += count
        if state == "waiting":
            found.waiting += count
        elif state == "calling":
            found.calling += count
        else:
            found.done[outcome] = found.done.get(outcome, 0) + count
            if outcome == "blocked":
                found.blocked[rule] = found.blocked.get(rule, 0) + count


def _count_attempts(database: sqlite3.Connection, campaign: Campaign, found: Report) -> None:
    rows = database.execute(
        "SELECT outcome, count(*), sum(abandoned), sum(talk_s), min(begun_s), max(begun_s) "
        "FROM attempt WHERE campaign = ? GROUP BY outcome",
        (campaign.id,),
    )
    for outcome, count, abandoned, talk_s, first_s, last_s in rows:
        found.attempts[outcome or "calling"] = count
        if outcome in LIVE:
            found.answered_live += count
        found.abandoned += abandoned
        found.talk_s += talk_s
        found.first_s = first_s if found.first_s is None else min(found.first_s, first_s)
        found.last_s = last_s if found.last_s is None else max(found.last_s, last_s)


@contextmanager
def opened(directory: Path) -> Iterator[sqlite3.Connection | None]:
    """None: there is no database, and none is made. Raises StoreError."""
    file = tables.file_in(directory)
    if not exists(file):
        yield None
        return
    with told(file), closing(tables.connect(file)) as database:
        yield database
