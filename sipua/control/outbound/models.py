"""Bodies of requests and answers about campaigns."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AwareDatetime, BeforeValidator, Field

from sipua.calls.steer import place_request
from sipua.calls.steer.metadata import LONGEST_METADATA
from sipua.campaigns.rules import contacts as rules
from sipua.campaigns.rules.outcomes import RETRY_S
from sipua.control.resources.models import Moment, Query, Request, Shown

MOST_AT_ONCE = 500
"""Contacts in one request."""

Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$")]


def _whole(value: object) -> object:
    """97.0 is a whole number in JSON."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


Whole = Annotated[int, BeforeValidator(_whole)]
Number = Annotated[
    str,
    Field(
        max_length=rules.LONGEST_NUMBER,
        pattern=r"^[-.() ]*\+?[-.() ]*[0-9*#]([-.() ]*[0-9*#]){0,30}[-.() ]*$",
    ),
]
"""What `plain` takes for a telephone number."""
_Text = Annotated[str, Field(max_length=64)]
_Delay = Annotated[float, Field(ge=1, le=30 * 86_400)]
_Retried = Literal[
    "person",
    "answered",
    "message",
    "machine",
    "fax",
    "silence",
    "busy",
    "no_answer",
    "rejected",
    "failed",
    "canceled",
]
_ValueName = Annotated[str, Field(pattern=r"^[A-Za-z0-9_][A-Za-z0-9_.-]{0,63}$")]
_Value = Annotated[str, Field(max_length=LONGEST_METADATA)]
NotBefore = Annotated[AwareDatetime, Field(lt=rules.LATEST)]
_State = Literal["new", "running", "paused", "stopped", "finished"]


class Breaker(Request):
    window: Whole = Field(
        default=20, ge=0, le=1000, description="So many attempts are looked at. 0: none."
    )
    share: float = Field(
        default=0.5, gt=0, le=1, description="When so many of them have failed, it is paused."
    )


class CampaignOrder(Request):
    name: Name
    origin: str = Field(
        min_length=1, max_length=64, description="The trunk or account that its calls go out by."
    )
    route: _Text = Field(default="", description="The agent. Empty: the first route that fits.")
    caller_id: _Text = Field(
        default="", description="Our number, if `allowed_caller_ids` of the trunk has it."
    )
    timezone: _Text = Field(
        default="", description="Of numbers of which none is known, and that name none."
    )
    hours: list[_Text] = Field(
        default=[],
        max_length=20,
        description="`Mo-Fr 09:00-17:00`, besides `outbound.hours` of the configuration.",
    )
    max_calls: Whole = Field(default=1, ge=1, le=10_000, description="Calls at once.")
    calls_per_second: float = Field(
        default=1.0, gt=0, le=1000, description="Calls that begin in a second; evenly."
    )
    ring_timeout_s: float = Field(default=25.0, ge=1, le=place_request.LONGEST_RING_S)
    max_duration_s: float | None = Field(default=None, ge=1, le=place_request.LONGEST_CALL_S)
    answering: Literal["", "off", "detect"] = Field(
        default="detect",
        description="Whether it is found out who has answered. Empty: as the route has it.",
    )
    on_voicemail: Literal["", "agent", "message", "hangup"] = Field(
        default="", description="What happens when a machine has answered."
    )
    max_attempts: Whole = Field(default=3, ge=1, le=100, description="Of each contact.")
    retry_s: dict[_Retried, Annotated[list[_Delay], Field(max_length=20)]] = Field(
        default={name: list(delays) for name, delays in RETRY_S.items()},  # type: ignore[misc]
        description="By outcome: how long behind the first, the second, … attempt the next one is "
        "made. An outcome that is not named is the last one.",
    )
    breaker: Breaker = Field(default=Breaker(), description="Pauses it when calls fail.")
    require_consent: bool = Field(
        default=False, description="Take no contact without `consent`, whatever the configuration."
    )
    call_unknown: bool = Field(
        default=False,
        description="Whether a number is called again of which it is not known whether it was "
        "called, because the edge died in that moment.",
    )
    not_before: NotBefore | None = Field(
        default=None, description="No call before that moment, with its zone."
    )


class Done(Shown):
    """Contacts, by what has become of them."""

    person: int = 0
    answered: int = Field(default=0, description="It is not known by whom.")
    message: int = Field(default=0, description="A machine has answered, and has the message.")
    machine: int = 0
    fax: int = 0
    silence: int = 0
    busy: int = 0
    no_answer: int = 0
    rejected: int = 0
    failed: int = 0
    canceled: int = 0
    unknown: int = Field(default=0, description="The edge died while it called.")
    blocked: int = Field(default=0, description="A rule forbids the call.")


class Attempts(Done):
    """Attempts, by what has become of them."""

    calling: int = 0


class Report(Shown):
    """Of one moment: `contacts` is the sum of `waiting`, `calling` and all of `done`."""

    contacts: int
    waiting: int = Field(description="To be called, for the first time or again.")
    calling: int
    done: Done
    blocked: dict[str, int] = Field(description="The outcome `blocked`, by rule.")
    attempts: Attempts
    answered_live: int = Field(
        description="Attempts that a person has answered, or that it is not known who has."
    )
    abandoned: int = Field(
        description="Of these: nothing of ours was heard within two seconds of the greeting."
    )
    talk_s: float
    first_attempt: Moment | None = None
    last_attempt: Moment | None = None


class Campaign(Shown):
    name: str
    state: _State
    since: Moment = Field(description="Since when it is in this state.")
    by: str = Field(description="Who has put it into this state: a token, `breaker`, `edge`.")
    cause: str | None = None
    created: Moment
    origin: str
    route: str
    caller_id: str
    timezone: str
    hours: list[str]
    max_calls: int
    calls_per_second: float
    ring_timeout_s: float
    max_duration_s: float | None = None
    answering: str
    on_voicemail: str
    max_attempts: int
    retry_s: dict[str, list[float]]
    breaker: Breaker
    require_consent: bool
    call_unknown: bool
    not_before: Moment | None = None
    report: Report


class CampaignList(Shown):
    campaigns: list[Campaign]


class ContactOrder(Request):
    number: Number
    timezone: _Text = Field(default="", description="Of this number, where it is known better.")
    consent: str = Field(
        default="",
        max_length=rules.LONGEST_CONSENT,
        description="Who has agreed, when, and where the proof is. It is in the call's record.",
    )
    priority: Whole = Field(default=0, ge=-100, le=100, description="Higher ones are called first.")
    not_before: NotBefore | None = Field(
        default=None, description="Not called before that moment, with its zone."
    )
    values: dict[_ValueName, _Value] = Field(
        default={}, max_length=rules.MOST_VALUES, description="Of the call's metadata."
    )


class ContactsOrder(Request):
    contacts: list[ContactOrder] = Field(min_length=1, max_length=MOST_AT_ONCE)


class Added(Shown):
    """All were taken; with a fault in one of them none is."""

    added: int
    known: int = Field(description="Those that were there already.")


class Contact(Shown):
    id: int
    number: str
    timezones: list[str]
    consent: str
    priority: int
    values: dict[str, str]
    state: Literal["waiting", "calling", "done"]
    outcome: str | None = Field(default=None, description="Of the last attempt.")
    rule: str | None = Field(default=None, description="With the outcome `blocked`.")
    attempts: int
    due: Moment | None = Field(default=None, description="Not to be called before.")


class ContactList(Shown):
    """A page of contacts, as they were added."""

    contacts: list[Contact]
    next: str | None = Field(default=None, description="`after` of the next page; null: none.")


class ContactsQuery(Query):
    state: Literal["", "waiting", "calling", "done"] = ""
    limit: int = Field(default=100, ge=1, le=1000)
    after: int = Field(default=0, ge=0, le=2**53, description="`next` of the page before.")


class DoNotCallOrder(Request):
    numbers: list[Number] = Field(min_length=1, max_length=1000)
    reason: str = Field(default="", max_length=200)


class DoNotCallEntry(Shown):
    number: str
    since: Moment
    by: str = Field(description="A token, or `agent`.")
    reason: str | None = None
    call_id: str | None = Field(default=None, description="The call in which it was asked for.")


class DoNotCallAdded(Shown):
    added: int
    known: int = Field(description="Those that were there already.")


class DoNotCallFound(Shown):
    number: str = Field(description="In the form in which it is looked for.")
    listed: bool
    entry: DoNotCallEntry | None = Field(
        default=None,
        description="What forbids it: the same number, or one with the same end, where one of both "
        "has no country.",
    )


class DoNotCallPage(Shown):
    """A page of the list, by number."""

    entries: list[DoNotCallEntry]
    count: int = Field(description="Of the whole list.")
    next: str | None = Field(default=None, description="`after` of the next page; null: none.")


class DoNotCallQuery(Query):
    limit: int = Field(default=100, ge=1, le=1000)
    after: str = Field(default="", max_length=64, description="`next` of the page before.")
