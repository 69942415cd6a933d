"""The bodies of requests and answers. Their descriptions are those of the OpenAPI document."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, PlainSerializer

from sipua.events.ending import By, Fault, Reason, Status
from sipua.events.teller import rfc3339

Moment = Annotated[
    datetime, PlainSerializer(rfc3339, return_type=str, when_used="json"), Field(strict=False)
]


class Request(BaseModel):
    """The base of bodies: what is not known is refused."""

    model_config = ConfigDict(extra="forbid", strict=True)


class Query(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Shown(BaseModel):
    model_config = ConfigDict(from_attributes=True)


class Media(Shown):
    """What was negotiated for audio."""

    codec: str
    remote: str = Field(description="The peer's address in its SDP.")
    direction: str


class Transfer(Shown):
    """The last transfer that was asked for."""

    target: str
    state: Literal["asked", "done", "failed"]
    status: int | None = Field(default=None, description="SIP status of the outcome.")
    reason: str | None = None


class Sip(Shown):
    status: int
    reason: str


class End(Shown):
    """How the call ended."""

    by: By = Field(description="Who ended it.")
    reason: Reason
    fault: Fault | None = Field(default=None, description="Whose fault it was; null: nobody's.")
    detail: str = ""
    sip: Sip | None = Field(default=None, description="The last status of signalling.")


class Call(Shown):
    """A call."""

    id: str
    direction: Literal["incoming", "outgoing"]
    state: Literal["placing", "ringing", "active", "ended"]
    from_: str | None = Field(
        default=None, alias="from", description="The caller, as far as `record.numbers` allows."
    )
    to: str | None = Field(default=None, description="As far as `record.numbers` allows.")
    origin: str = Field(description="The trunk or account; `anyone` is a peer that is neither.")
    route: str = Field(description="Empty: no route fits, and the agent of [engine] talks.")
    worker: int
    created_at: Moment
    answered_at: Moment | None = None
    ended_at: Moment | None = None
    age_s: float = Field(description="Since it began; of one that has ended: how long it was.")
    sip_call_id: str
    source: str = Field(description="Where its INVITE came from.")
    by: str | None = Field(default=None, description="Whose token placed it.")
    held: bool
    muted: list[Literal["agent", "caller"]] = Field(
        description="The sides that the other one does not hear."
    )
    media: Media | None = None
    engine: str = Field(description="The engine that it talks with, or talked with last.")
    engine_up: bool
    turns: int = Field(description="How often the caller has spoken.")
    last_latency_ms: int | None = Field(
        default=None, description="How long the caller waited for the last answer."
    )
    quality: dict[str, Any] = Field(
        description="What the other side has reported of our audio, when packets got lost."
    )
    transfer: Transfer | None = None
    status: Status | None = Field(default=None, description="The outcome, once it has ended.")
    end: End | None = None
    duration_s: float | None = Field(default=None, description="Since the answer.")
    stats: dict[str, Any] | None = Field(
        default=None, description="All that was counted, once it has ended; with include=stats."
    )


class Calls(Shown):
    """A page of calls, the newest first."""

    calls: list[Call]
    next: str | None = Field(default=None, description="`after` of the next page; null: none.")


class Outcome(Shown):
    """What came of an order to a call."""

    call_id: str
    status: Literal["done", "accepted"] = Field(
        description="`accepted`: it has begun, and events tell the rest."
    )
    detail: str = ""
    values: dict[str, str | int] = Field(default={})


class CallEvents(Shown):
    """The kept events of a call, the oldest first."""

    events: list[dict[str, Any]]
