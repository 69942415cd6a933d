"""Hours in which people may be called: spans as of business hours, in each zone of a number.

None goes on behind midnight: an hour of the night is to be written, and not to come of an end that
was meant for another day.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Annotated, Final

from pydantic import AfterValidator

from sipua.config.values.fields import AS_TUPLE, wrong
from sipua.config.values.hours import MINUTES_A_DAY, Hours, HoursError, Span, span_of
from sipua.config.values.zones import find_zone

_FORM: Final = 'such as "Mo-Fr 09:00-20:00" or "Sa,Su 10:00-18:00"'
_MOST: Final = 20
_SHOWN: Final = 60


def parse(text: str) -> Span:
    """Raises HoursError."""
    span = span_of(text)
    if span.end > MINUTES_A_DAY:
        raise HoursError("does not end after it begins, on the same day", _FORM)
    return span


def allowed(spans: Iterable[Span], zones: Iterable[str], now: datetime) -> bool:
    """Whether it is such an hour in each of the zones. `now`: with a zone. A zone that this system
    does not have allows nothing."""
    every = tuple(spans)
    found = [find_zone(zone) for zone in zones]
    return all(zone is not None and Hours("", zone, every).is_open(now) for zone in found)


def _hours(texts: tuple[str, ...]) -> tuple[str, ...]:
    if not 1 <= len(texts) <= _MOST:
        raise wrong(f"is to have 1 to {_MOST} of them", _FORM)
    for text in texts:
        try:
            parse(text)
        except HoursError as error:
            raise wrong(f"{text[:_SHOWN]!r} {error.what}", error.fix) from None
    return texts


def _zone(name: str) -> str:
    if name and find_zone(name) is None:
        raise wrong("is no time zone of this system", '"Europe/Berlin"')
    return name


CallingHours = Annotated[tuple[str, ...], AS_TUPLE, AfterValidator(_hours)]
Zone = Annotated[str, AfterValidator(_zone)]
