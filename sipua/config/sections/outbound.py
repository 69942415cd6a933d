"""The section `outbound` of the configuration."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from sipua.config.values.calling_hours import CallingHours, Zone
from sipua.config.values.fields import AS_TUPLE, OneLine
from sipua.config.values.parties import Country
from sipua.config.values.section import Section


class OutboundSection(Section):
    """Calls that we place: the list of numbers that are never called, and what all campaigns must
    keep. docs/outbound.md."""

    directory: OneLine = Field(
        default="outbound",
        description="Folder of the list and of the campaigns; it is made with the first entry. "
        "Relative to the working directory.",
    )
    country: Country = Field(
        default="",
        description="Numbers without a country are of this one (ISO 3166, `DE`), in the list and "
        "in campaigns. `pip install 'sipua[numbers]'`.",
    )
    do_not_call: bool = Field(
        default=True, description="Whether numbers in the list are not called, whoever asks."
    )
    do_not_call_also: Annotated[tuple[Literal["legs", "referred"], ...], AS_TUPLE] = Field(
        default=(),
        description="What the list holds for beside calls that are asked for. `legs`: further legs "
        "of a call that is up (transfers that we join, people of queues, supervisors). `referred`: "
        "parties that a REFER of the other side names.",
        examples=[["legs", "referred"]],
    )
    list_unreadable: Literal["refuse", "call"] = Field(
        default="refuse",
        description="What becomes of a call when the list is there and cannot be read.",
    )
    hours: CallingHours = Field(
        default=("Mo-Su 08:00-21:00",),
        description="When campaigns call, in the time zone of the called number; of several zones "
        'in all of them. `["Mo-Fr 09:00-20:00", "Sa 10:00-18:00"]`.',
    )
    timezone: Zone = Field(
        default="",
        description="Time zone of numbers of which none is known: `Europe/Berlin`. Empty: such a "
        "contact, or its campaign, must name one.",
    )
    require_consent: bool = Field(
        default=False,
        description="Campaigns take no contact without `consent`: a text that says who has agreed, "
        "when, and where the proof is.",
    )
    max_calls: int = Field(
        default=10, ge=1, le=10_000, description="Calls at once of all campaigns together."
    )
    calls_per_second: float = Field(
        default=5,
        gt=0,
        le=1000,
        allow_inf_nan=False,
        description="Calls that all campaigns together begin in a second; 0.1 is one in ten "
        "seconds.",
    )
    attempts_per_day: int = Field(
        default=3,
        ge=0,
        le=1000,
        description="So often campaigns call one number within 24 hours. 0: no limit.",
    )
    attempts_per_week: int = Field(
        default=7, ge=0, le=1000, description="The same within seven days."
    )
    caller_id_calls_per_day: int = Field(
        default=0,
        ge=0,
        le=1_000_000,
        description="So many calls of campaigns show one number of ours within 24 hours. 0: no "
        "limit.",
    )
    abandoned_percent: float = Field(
        default=3,
        ge=0,
        le=100,
        allow_inf_nan=False,
        description="A campaign is paused when more of the calls that persons have answered were "
        "abandoned. 0: with the first one; 100: never, and the share is only reported.",
    )
    abandoned_days: int = Field(
        default=30, ge=1, le=365, description="So many days of a campaign are looked at for that."
    )
    abandoned_least: int = Field(
        default=100,
        ge=1,
        le=1_000_000,
        description="As long as fewer persons have answered, the share is reckoned as if so many "
        "had: of few calls it says nothing.",
    )
