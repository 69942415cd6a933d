"""Business hours, by name: routes, menus and queues say `when`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Annotated

from pydantic import AfterValidator, Field

from sipua.config.values.fields import AS_TUPLE, not_empty, wrong
from sipua.config.values.hours import HoursError, holiday_of, span_of, zone_named
from sipua.config.values.section import Section


def _checked(check: Callable[[str], object]) -> Callable[[str], str]:
    def checked(text: str) -> str:
        try:
            check(text)
        except HoursError as error:
            raise wrong(error.what, error.fix) from None
        return text

    return checked


_Zone = Annotated[str, AfterValidator(_checked(zone_named))]
_Span = Annotated[str, AfterValidator(_checked(span_of))]
_Holiday = Annotated[str, AfterValidator(_checked(holiday_of))]


class HoursSection(Section):
    """When something is open, by a name of yours: `[hours.office]`.

    A route, menu or queue with `when = "office"` counts while it is open. docs/queue.md.
    """

    zone: _Zone = Field(
        description="Time zone, by its name in the tz database.", examples=["Europe/Berlin"]
    )
    open: Annotated[tuple[_Span, ...], AS_TUPLE, AfterValidator(not_empty)] = Field(
        description='Days and hours, such as `"Mo-Fr 08:00-18:00"` or `"Sa,Su 10:00-14:00"`. An '
        'end that is not behind the begin is on the next day: `"Fr 22:00-06:00"`.',
        examples=[("Mo-Fr 08:00-18:00",)],
    )
    holidays: Annotated[tuple[_Holiday, ...], AS_TUPLE] = Field(
        default=(),
        description='Days on which nothing opens: `"12-25"` of each year, `"2027-03-26"` of one.',
    )
