"""Contacts as they come in, by CSV or API: judged one by one, with a text for each fault. No I/O.

A CSV has a first line with names of columns: `number`, and as you like `timezone`, `consent`,
`priority`, `not_before`; each other column is a value of the call's metadata.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Final

from sipua.calls.steer.metadata import metadata_fault
from sipua.campaigns.rules.numbers import in_one_form, zones_of
from sipua.campaigns.rules.settings import CampaignSettings, Policy
from sipua.config.values.uri import UriError, check_target
from sipua.config.values.zones import find_zone

LONGEST_CONSENT: Final = 500
LONGEST_NUMBER: Final = 64
MOST_VALUES: Final = 12
RESERVED: Final = ("campaign", "contact", "attempt", "consent")
"""Names in the metadata of its calls."""
LATEST: Final = datetime(2100, 1, 1, tzinfo=UTC)
"""A later `not_before` is a mistake."""
_COLUMNS: Final = ("number", "timezone", "consent", "priority", "not_before")
_LONGEST_LINE: Final = 8192
PRIORITIES: Final = range(-100, 101)


class ContactError(ValueError):
    """The text says what is wrong with it."""


@dataclass(frozen=True, slots=True)
class Given:
    number: str
    timezone: str = ""
    consent: str = ""
    priority: int = 0
    not_before: datetime | None = None
    """With its zone."""
    values: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class NewContact:
    number: str
    """In one form."""
    zones: tuple[str, ...]
    consent: str
    priority: int
    values: Mapping[str, str]
    not_before_s: float = 0.0
    """Unix time; 0: as its campaign has it."""


def judged(given: Given, settings: CampaignSettings, policy: Policy) -> NewContact:
    """Raises ContactError."""
    number = in_one_form(given.number[: LONGEST_NUMBER + 1], policy.country)
    if not number or len(given.number) > LONGEST_NUMBER:
        raise ContactError(f"{given.number[:LONGEST_NUMBER]!r} is no telephone number")
    try:
        check_target(number)
    except UriError:
        raise ContactError(f"{number} is no number that can be called") from None
    if len(given.consent) > LONGEST_CONSENT:
        raise ContactError(f"`consent` is longer than {LONGEST_CONSENT} characters")
    if not given.consent.strip() and (policy.require_consent or settings.require_consent):
        raise ContactError("`consent` is empty: who has agreed, when, and where is the proof?")
    if given.priority not in PRIORITIES:
        raise ContactError("`priority` is to be from -100 to 100")
    if len(given.values) > MOST_VALUES:
        raise ContactError(f"more than {MOST_VALUES} values")
    if taken := [name for name in given.values if name in RESERVED]:
        raise ContactError(f"{taken[0]!r} is a name of ours")
    if fault := metadata_fault(given.values):
        raise ContactError(fault)
    zones = _zones(given, number, settings, policy)
    consent, values = given.consent.strip(), dict(given.values)
    not_before_s = moment_s(given.not_before)
    return NewContact(number, zones, consent, given.priority, values, not_before_s)


def moment_s(not_before: datetime | None) -> float:
    """Unix time; 0: none. Raises ContactError."""
    if not_before is None:
        return 0.0
    if not_before.tzinfo is None:
        raise ContactError("`not_before` has no zone: write 2026-03-02T09:00+01:00")
    if not_before >= LATEST:
        raise ContactError(f"`not_before` is behind the year {LATEST.year - 1}")
    return max(0.0, not_before.timestamp())


def _zones(
    given: Given, number: str, settings: CampaignSettings, policy: Policy
) -> tuple[str, ...]:
    if given.timezone:
        if find_zone(given.timezone) is None:
            raise ContactError(f"{given.timezone[:60]!r} is no time zone")
        return (given.timezone,)
    usual = settings.timezone or policy.timezone
    zones = zones_of(number) or ((usual,) if usual else ())
    if not zones:
        raise ContactError(
            "its time zone is not known: give `timezone`, of the contact or of the campaign"
        )
    return zones


@dataclass(frozen=True, slots=True)
class Row:
    line: int
    given: Given | None
    fault: str = ""


def rows(lines: Iterable[str]) -> Iterator[Row]:
    """Of a CSV with commas or semicolons, each with its line. Raises ContactError for a file that
    has no such columns."""
    delimiter, columns = ",", list[str]()
    for at, text in enumerate(lines, 1):
        if at == 1:
            head = text.removeprefix("\ufeff")
            delimiter = ";" if head.count(";") > head.count(",") else ","
            columns = [name.strip() for name in next(csv.reader([head], delimiter=delimiter), [])]
            _check_columns(columns)
        elif text.strip():
            yield _row(at, text, columns, delimiter)


def _check_columns(columns: list[str]) -> None:
    if "number" not in columns:
        raise ContactError("the first line is to name the columns, and one of them is `number`")
    if len(set(columns)) != len(columns) or "" in columns:
        raise ContactError("the first line has a name twice, or an empty one")


def _row(line: int, text: str, columns: list[str], delimiter: str) -> Row:
    if len(text) > _LONGEST_LINE:
        return Row(line, None, f"longer than {_LONGEST_LINE} characters")
    try:
        cells = next(csv.reader([text], delimiter=delimiter, strict=True), [])
    except csv.Error as error:
        return Row(line, None, f"no CSV: {error}")
    if len(cells) != len(columns):
        return Row(line, None, f"{len(cells)} columns, and the first line has {len(columns)}")
    named = {name: cell.strip() for name, cell in zip(columns, cells, strict=True)}
    values = {name: cell for name, cell in named.items() if name not in _COLUMNS and cell}
    try:
        priority = int(named.get("priority") or 0)
    except ValueError:
        return Row(line, None, "`priority` is no whole number")
    try:
        moment = named.get("not_before")
        not_before = datetime.fromisoformat(moment) if moment else None
        moment_s(not_before)
    except ContactError as error:
        return Row(line, None, str(error))
    except ValueError:
        return Row(line, None, "`not_before` is no moment, such as 2026-03-02T09:00+01:00")
    texts = {name: named.get(name, "") for name in ("number", "timezone", "consent")}
    return Row(line, Given(**texts, priority=priority, not_before=not_before, values=values))
