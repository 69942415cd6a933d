"""The campaigns on disk, for the one who calls: leases, attempts, outcomes.

No number is called twice by a crash: its attempt is committed, with an fsync, before the INVITE
leaves, and an attempt without an outcome is never taken for one that was not made.

One connection, of one thread. The API writes to the same file: `changed` tells.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import msgspec

from sipua.campaigns.rules.abandonment import Live
from sipua.campaigns.rules.outcomes import LIVE, Outcome
from sipua.campaigns.rules.settings import Campaign, State
from sipua.campaigns.store import tables
from sipua.campaigns.store.databases import told, transaction

DAY_S: Final = 86_400.0
WEEK_S: Final = 7 * DAY_S
_LOOKED_AT: Final = 100
"""Contacts that one lease may pass over because they were called often enough."""


@dataclass(frozen=True, slots=True)
class Leased:
    """A contact that is to be called now: its attempt is on the disk."""

    attempt: int
    campaign: int
    contact: int
    number: str
    consent: str
    attempts: int
    """This one included."""
    values: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Postponed:
    """Called too often; it waits."""

    number: str
    rule: str
    limit: int


@dataclass(frozen=True, slots=True)
class Ended:
    """What came of an attempt."""

    attempt: int
    contact: int
    outcome: Outcome
    at_s: float
    again_s: float | None
    """When it is called again; None: it is done."""
    talk_s: float = 0.0
    abandoned: bool = False


@dataclass(frozen=True, slots=True)
class Unmade:
    """An attempt of which no INVITE has left."""

    attempt: int
    contact: int
    again_s: float | None
    """None: nor will one, because of `rule`."""
    rule: str = ""


@dataclass(slots=True)
class News:
    """Of attempts, since the last time that it was written."""

    placed: list[tuple[int, str]] = field(default_factory=list)
    """The ids of their calls."""
    unmade: list[Unmade] = field(default_factory=list)
    ended: list[Ended] = field(default_factory=list)

    def __bool__(self) -> bool:
        return bool(self.placed or self.unmade or self.ended)


@dataclass(frozen=True, slots=True)
class Lost:
    """An attempt that the last run of the edge has left behind."""

    attempt: int
    campaign: int
    contact: int
    number: str
    attempts: int
    call_id: str


@dataclass(frozen=True, slots=True)
class Limits:
    """0: none."""

    per_day: int
    per_week: int


class CampaignStore:
    """Every method but `close` raises StoreError."""

    def __init__(self, directory: Path) -> None:
        self._file = tables.file_in(directory)
        self._database: sqlite3.Connection | None = None
        self._seen = -1

    def open(self) -> None:
        self.close()
        self._database = tables.connect(self._file)

    def close(self) -> None:
        database, self._database = self._database, None
        if database is not None:
            with suppress(sqlite3.Error):
                database.close()

    @property
    def _open(self) -> sqlite3.Connection:
        assert self._database is not None
        return self._database

    def changed(self) -> bool:
        """Whether another connection has written since the last time."""
        with told(self._file):
            (version,) = self._open.execute("PRAGMA data_version").fetchone()
        before, self._seen = self._seen, version
        return bool(before != version)

    def campaigns(self) -> list[Campaign]:
        with told(self._file):
            return tables.campaigns(self._open)

    def set_state(
        self, campaign: Campaign, state: State, by: str, cause: str, now_s: float
    ) -> bool:
        """False: the API was first."""
        with told(self._file), transaction(self._open):
            row = self._open.execute("SELECT state FROM campaign WHERE id = ?", (campaign.id,))
            if row.fetchone() != (campaign.state,):
                return False
            tables.set_state(self._open, campaign.id, state, by=by, cause=cause, now_s=now_s)
            return True

    def left(self, campaign: int) -> int:
        """Contacts that are not done."""
        with told(self._file):
            row = self._open.execute(
                "SELECT count(*) FROM contact WHERE campaign = ? AND state != 'done'", (campaign,)
            )
            return int(row.fetchone()[0])

    def is_done(self, campaign: int) -> bool:
        """Whether each of its contacts is."""
        with told(self._file):
            row = self._open.execute(
                "SELECT EXISTS (SELECT 1 FROM contact WHERE campaign = ? AND state = 'waiting') "
                "OR EXISTS (SELECT 1 FROM contact WHERE campaign = ? AND state = 'calling')",
                (campaign, campaign),
            )
            return not row.fetchone()[0]

    def zones(self, campaign: int, now_s: float) -> list[str]:
        """Of contacts that may be called by now."""
        with told(self._file):
            rows = self._open.execute(
                "SELECT DISTINCT zones FROM contact "
                "WHERE campaign = ? AND state = 'waiting' AND due_s <= ?",
                (campaign, now_s),
            )
            return [row[0] for row in rows]

    # --- attempts -------------------------------------------------------------------------

    def lease(
        self,
        campaign: int,
        zones: Sequence[str],
        count: int,
        *,
        caller_id: str,
        limits: Limits,
        now_s: float,
    ) -> tuple[list[Leased], list[Postponed]]:
        """Up to `count` contacts in these zones, the first ones first. They are this edge's."""
        leased: list[Leased] = []
        postponed: list[Postponed] = []
        with told(self._file), transaction(self._open):
            state = self._open.execute("SELECT state FROM campaign WHERE id = ?", (campaign,))
            if state.fetchone() != ("running",):  # by now
                return [], []
            marks = ", ".join("?" * len(zones))
            rows = self._open.execute(
                "SELECT id, number, consent, attempts, vals FROM contact "  # noqa: S608 (marks)
                f"WHERE campaign = ? AND state = 'waiting' AND due_s <= ? AND zones IN ({marks}) "
                "AND number NOT IN (SELECT number FROM attempt WHERE outcome = '') "
                "ORDER BY priority DESC, due_s, id LIMIT ?",
                (campaign, now_s, *zones, count + _LOOKED_AT),
            ).fetchall()
            for contact, number, consent, attempts, values in rows:
                if len(leased) == count:
                    break
                if found := self._too_often(number, limits, now_s):
                    rule, limit, again_s = found
                    self._wait(contact, again_s)
                    postponed.append(Postponed(number, rule, limit))
                    continue
                attempt = self._begin(campaign, contact, number, caller_id, now_s)
                given = msgspec.json.decode(values, type=dict[str, str])
                leased.append(
                    Leased(attempt, campaign, contact, number, consent, attempts + 1, given)
                )
        return leased, postponed

    def caller_id_room(self, caller_id: str, limit: int, now_s: float) -> int:
        """How many calls more may show it."""
        with told(self._file):
            row = self._open.execute(
                "SELECT count(*) FROM attempt WHERE caller_id = ? AND begun_s > ?",
                (caller_id, now_s - DAY_S),
            )
            return max(0, limit - int(row.fetchone()[0]))

    def live(self, campaign: int, since_s: float) -> Live:
        """Of attempts that have ended since then."""
        with told(self._file):
            rows = self._open.execute(
                "SELECT outcome, count(*), total(abandoned), "
                "max(CASE abandoned WHEN 0 THEN 0.0 ELSE ended_s END) "
                "FROM attempt WHERE campaign = ? AND ended_s > ? GROUP BY outcome",
                (campaign, since_s),
            )
            found = [row for row in rows if row[0] in LIVE]
        answered, abandoned = (sum(int(row[at]) for row in found) for at in (1, 2))
        return Live(answered, abandoned, max((row[3] for row in found), default=0.0))

    def _too_often(
        self, number: str, limits: Limits, now_s: float
    ) -> tuple[str, int, float] | None:
        """The rule, its limit, and when that is over."""
        for rule, limit, period_s in (
            ("attempts_per_week", limits.per_week, WEEK_S),
            ("attempts_per_day", limits.per_day, DAY_S),
        ):
            if not limit:
                continue
            begun = self._open.execute(
                "SELECT begun_s FROM attempt WHERE number = ? AND begun_s > ? "
                "ORDER BY begun_s DESC LIMIT ?",
                (number, now_s - period_s, limit),
            ).fetchall()
            if len(begun) == limit:
                return rule, limit, begun[-1][0] + period_s
        return None

    def _begin(self, campaign: int, contact: int, number: str, caller_id: str, now_s: float) -> int:
        made = self._open.execute(
            "INSERT INTO attempt (campaign, contact, number, caller_id, begun_s) "
            "VALUES (?, ?, ?, ?, ?)",
            (campaign, contact, number, caller_id, now_s),
        )
        self._open.execute(
            "UPDATE contact SET state = 'calling', attempts = attempts + 1 WHERE id = ?",
            (contact,),
        )
        assert made.lastrowid is not None
        return made.lastrowid

    def _wait(self, contact: int, until_s: float) -> None:
        self._open.execute("UPDATE contact SET due_s = ? WHERE id = ?", (until_s, contact))

    def write(self, news: News) -> None:
        """What has become of attempts."""
        with told(self._file), transaction(self._open):
            self._open.executemany(
                "UPDATE attempt SET call_id = ? WHERE id = ?",
                [(call_id, attempt) for attempt, call_id in news.placed],
            )
            for unmade in news.unmade:
                self._take_back(unmade)
            for ended in news.ended:
                self._end(ended)

    def _take_back(self, one: Unmade) -> None:
        self._open.execute("DELETE FROM attempt WHERE id = ?", (one.attempt,))
        state = "done" if one.again_s is None else "waiting"
        self._open.execute(
            "UPDATE contact SET state = ?, attempts = attempts - 1, due_s = ?, "
            "outcome = CASE ? WHEN 'done' THEN 'blocked' ELSE outcome END, rule = ? "
            "WHERE id = ?",
            (state, one.again_s or 0.0, state, one.rule, one.contact),
        )

    def _end(self, one: Ended) -> None:
        self._open.execute(
            "UPDATE attempt SET outcome = ?, ended_s = ?, talk_s = ?, abandoned = ? WHERE id = ?",
            (one.outcome, one.at_s, one.talk_s, one.abandoned, one.attempt),
        )
        state = "done" if one.again_s is None else "waiting"
        self._open.execute(
            "UPDATE contact SET state = ?, outcome = ?, due_s = ? WHERE id = ?",
            (state, one.outcome, one.again_s or 0.0, one.contact),
        )

    def lost(self) -> list[Lost]:
        """Attempts of which nobody has written what came of them."""
        with told(self._file):
            rows = self._open.execute(
                "SELECT attempt.id, attempt.campaign, contact, attempt.number, attempts, call_id "
                "FROM attempt JOIN contact ON contact.id = attempt.contact "
                "WHERE attempt.outcome = ''"
            )
            return [Lost(*row) for row in rows]

    def tidy(self, now_s: float) -> None:
        """Attempts of campaigns that are gone are kept for as long as caps look at them."""
        with told(self._file), transaction(self._open):
            self._open.execute(
                "DELETE FROM attempt WHERE begun_s < ? "
                "AND campaign NOT IN (SELECT id FROM campaign)",
                (now_s - WEEK_S,),
            )
