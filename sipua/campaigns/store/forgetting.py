"""What is kept of a person in campaigns: found, and erased. Reports keep their counts.

A contact that waits is done then, by the rule `forgotten`: it is not called any more.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from sipua.campaigns.store import reading
from sipua.campaigns.store.databases import transaction

RULE: Final = "forgotten"
_STARS: Final = "*"
"""In place of a number; in contacts with an id behind it: a campaign has each number once."""


@dataclass(slots=True)
class Kept:
    contacts: list[int] = field(default_factory=list)
    attempts: list[int] = field(default_factory=list)
    calling: list[str] = field(default_factory=list)
    """Campaigns that are calling it at this moment; nothing of that contact is erased."""


def find(directory: Path, is_theirs: Callable[[str], bool]) -> Kept:
    """Raises StoreError."""
    kept = Kept()
    with reading.opened(directory) as database:
        if database is None:
            return kept
        contacts = database.execute(
            "SELECT contact.id, number, contact.state, name FROM contact "
            "JOIN campaign ON campaign.id = contact.campaign"
        )
        for contact, number, state, campaign in contacts:
            if is_theirs(number):
                if state == "calling":
                    kept.calling.append(campaign)
                else:
                    kept.contacts.append(contact)
        attempts = database.execute("SELECT id, number FROM attempt WHERE outcome != ''")
        kept.attempts += [attempt for attempt, number in attempts if is_theirs(number)]
    return kept


def erase(directory: Path, kept: Kept) -> None:
    """Raises StoreError."""
    with reading.opened(directory) as database:
        if database is None:
            return
        database.execute("PRAGMA secure_delete = ON")  # zeros, where freed pages had it
        with transaction(database):
            database.executemany(
                "UPDATE contact SET number = ? || id, zones = '', consent = '', vals = ?, "
                "outcome = CASE state WHEN 'waiting' THEN 'blocked' ELSE outcome END, "
                "rule = CASE state WHEN 'waiting' THEN ? ELSE rule END, state = 'done' "
                "WHERE id = ? AND state != 'calling'",
                [(_STARS, b"{}", RULE, contact) for contact in kept.contacts],
            )
            database.executemany(
                "UPDATE attempt SET number = ? WHERE id = ? AND outcome != ''",
                [(_STARS, attempt) for attempt in kept.attempts],
            )
        database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
