"""Hours in which people may be called: `mon-fri 09:00-20:00`. Of no zone in themselves."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Final

from pydantic import AfterValidator

from sipua.config.values.fields import AS_TUPLE, wrong
from sipua.config.values.zones import find_zone

DAYS: Final = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
_DAY: Final = "|".join(DAYS)
_TEXT: Final = re.compile(
    rf"((?:{_DAY})(?:-(?:{_DAY}))?(?:,(?:{_DAY})(?:-(?:{_DAY}))?){{0,6}})"
    r" ([0-2]\d):([0-5]\d)-([0-2]\d):([0-5]\d)"
)
_FORM: Final = 'such as "mon-fri 09:00-20:00" or "sat,sun 10:00-18:00"'
_MOST: Final = 20
_MIDNIGHT: Final = 24 * 60


class HoursError(ValueError):
    """The text says what is wrong."""


@dataclass(frozen=True, slots=True)
class Hours:
    days: frozenset[int]
    """0: Monday."""
    begin: int
    """Minutes since midnight."""
    end: int

    def has(self, local: datetime) -> bool:
        minute = local.hour * 60 + local.minute
        return local.weekday() in self.days and self.begin <= minute < self.end


def parse(text: str) -> Hours:
    """Raises HoursError."""
    found = _TEXT.fullmatch(text.strip().lower())
    if found is None:
        raise HoursError(f"{text[:60]!r} is not days and hours")
    begin, end = (int(found[at]) * 60 + int(found[at + 1]) for at in (2, 4))
    if not begin < end <= _MIDNIGHT:
        raise HoursError(f"{text[:60]!r} does not end after it begins, on the same day")
    days: set[int] = set()
    for part in found[1].split(","):
        first, _, last = part.partition("-")
        at, until = DAYS.index(first), DAYS.index(last or first)
        days.add(until)
        while at != until:
            days.add(at)
            at = (at + 1) % len(DAYS)
    return Hours(frozenset(days), begin, end)


def allowed(hours: Iterable[Hours], zones: Iterable[str], now: datetime) -> bool:
    """Whether it is such an hour in each of the zones. `now`: with a zone. A zone that this system
    does not have allows nothing."""
    found = [find_zone(zone) for zone in zones]
    return all(
        zone is not None and any(one.has(now.astimezone(zone)) for one in hours) for zone in found
    )


def _hours(texts: tuple[str, ...]) -> tuple[str, ...]:
    if not 1 <= len(texts) <= _MOST:
        raise wrong(f"is to have 1 to {_MOST} of them", _FORM)
    for text in texts:
        try:
            parse(text)
        except HoursError as error:
            raise wrong(str(error), _FORM) from None
    return texts


def _zone(name: str) -> str:
    if name and find_zone(name) is None:
        raise wrong("is no time zone of this system", '"Europe/Berlin"')
    return name


CallingHours = Annotated[tuple[str, ...], AS_TUPLE, AfterValidator(_hours)]
Zone = Annotated[str, AfterValidator(_zone)]
