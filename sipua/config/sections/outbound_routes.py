"""Which trunks a number is called by, and which of our numbers calls show."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from sipua.config.values.fields import AS_TUPLE, Name, OneLine
from sipua.config.values.parties import CallerIds, NumberPrefixes, TimeZone
from sipua.config.values.section import Section


class CarrierSection(Section):
    """One of the trunks of a rule."""

    trunk: OneLine = Field(description="Name of a trunk or account.", examples=["carrier"])
    price: float = Field(
        default=0.0,
        ge=0.0,
        le=1_000_000.0,
        allow_inf_nan=False,
        description="What a minute costs, in any unit: the cheapest trunk is tried first.",
    )
    weight: int = Field(
        default=100,
        ge=0,
        le=65535,
        description="Its share of the calls among trunks of the same price.",
    )


class OutboundRouteSection(Section):
    """Which trunks a number is called by, when a call that we place names none."""

    name: Name = Field(description="Name in `sipua config outbound`; unique.", examples=["germany"])
    prefixes: NumberPrefixes = Field(
        default=(),
        description="What the number begins with; of all rules the longest that fits counts. "
        "Empty: any number.",
        examples=[["+49", "+43"]],
    )
    trunks: Annotated[tuple[CarrierSection, ...], AS_TUPLE] = Field(
        default=(),
        description="Where the call goes: to the first of them, and to the next when that does not "
        "take it.",
    )
    order: Literal["price", "listed"] = Field(
        default="price",
        description="`price`: the cheapest first; among those of the same price a draw by weight. "
        "`listed`: as they stand.",
    )


class NumberPoolSection(Section):
    """Numbers of ours that the calls of a trunk show, by turns."""

    name: Name = Field(description="Name for `number_pool` of trunks; unique.", examples=["sales"])
    numbers: CallerIds = Field(
        default=(),
        description="The numbers, which the provider lets us show.",
        examples=[["+4930123456", "+4930123457"]],
    )
    choice: Literal["round_robin", "sticky", "local_presence"] = Field(
        default="round_robin",
        description="`round_robin`: the one that was not used for longest. `sticky`: the one that "
        "this callee was called with before. `local_presence`: the one that begins most like the "
        "callee's.",
    )
    max_calls_per_day: int = Field(
        default=0, ge=0, le=1_000_000, description="Calls of each number in a day. 0: any number."
    )
    max_calls: int = Field(
        default=0, ge=0, le=100_000, description="Calls of each number at once. 0: any number."
    )
    rest_h: float = Field(
        default=24.0,
        ge=0.0,
        le=8760.0,
        allow_inf_nan=False,
        description="A number that a callee, or a filter before them, did not want (603, 607, 608) "
        "is not used for so many hours.",
    )
    time_zone: TimeZone = Field(
        default="UTC", description="In which a day begins.", examples=["Europe/Berlin"]
    )


class NumberUsesSection(Section):
    """Where it is counted how often each number of `number_pools` was used."""

    directory: OneLine = Field(
        default="number-uses",
        description="Folder of the counts; it is made with the first call that shows a number of a "
        "pool. One for each edge. Relative to the working directory.",
    )
