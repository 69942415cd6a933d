"""Webhooks that get events, and where events wait for them; docs/webhooks.md explains it."""

from __future__ import annotations

import re
from typing import Annotated, Literal

from pydantic import AfterValidator, Field

from sipua.config.sections.tools import HttpUrl, SigningSecret
from sipua.config.values.addresses import Networks
from sipua.config.values.fields import (
    AS_TUPLE,
    NO_SECRET,
    Headers,
    Name,
    OneLine,
    Seconds,
    wrong,
)
from sipua.config.values.section import Section

_PATTERN = re.compile(r"\*|[a-z_]+\.(?:\*|[a-z_]+)")
# Standard Webhooks 1.0: 0, 5 s, 5 min, 30 min, 2 h, 5 h, 10 h, 14 h, 20 h, 24 h.
RETRY_S = (0.0, 5.0, 300.0, 1800.0, 7200.0, 18_000.0, 36_000.0, 50_400.0, 72_000.0, 86_400.0)


def _pattern(text: str) -> str:
    if not _PATTERN.fullmatch(text):
        raise wrong("is no type of events", '"call.ended", "call.*", or "*"')
    return text


def _pauses(pauses: tuple[float, ...]) -> tuple[float, ...]:
    if not 1 <= len(pauses) <= 32:
        raise wrong("has not 1 to 32 pauses", "[0, 5, 300]: at once, after 5 s, after 5 minutes")
    if any(not 0 <= pause <= 604_800 for pause in pauses):
        raise wrong("has a pause that is not 0 to 604800 seconds", "[0, 5, 300]")
    return pauses


class EventWebhookSection(Section):
    """A server of yours that gets events, signed. docs/webhooks.md."""

    name: Name = Field(description="Name in logs and commands; unique.", examples=["crm"])
    url: HttpUrl = Field(
        description="Address that events are posted to. https certificates are verified; redirects "
        "are not followed.",
        examples=["https://crm.example.com/sipua"],
    )
    enabled: bool = Field(default=True, description="Send events to it.")
    types: Annotated[
        tuple[Annotated[str, AfterValidator(_pattern)], ...], AS_TUPLE, Field(min_length=1)
    ] = Field(
        default=("*",),
        description='Types of events that it gets: `"call.ended"`, `"call.*"`, `"*"`. All are in '
        "docs/events.md.",
    )
    format: Literal["cloudevents", "plain"] = Field(
        default="cloudevents",
        description="`cloudevents`: as in docs/events.md. `plain`: `type`, `timestamp`, `call_id` "
        "and `data`, as plain Standard Webhooks have it.",
    )
    batch: bool = Field(
        default=False,
        description="Several events in a request, as a CloudEvents batch (a JSON array): less work "
        "for both sides, for receivers that know it.",
    )
    secret: SigningSecret = Field(
        default=NO_SECRET,
        description="Key of the signature (Standard Webhooks): `whsec_` and base64. Better: "
        "`secret_file`.",
    )
    secret_file: str = Field(default="", description="File that holds the secret and nothing else.")
    second_secret: SigningSecret = Field(
        default=NO_SECRET,
        description="Another key that signs as well, while one takes the place of the other. "
        "Better: `second_secret_file`.",
    )
    second_secret_file: str = Field(default="", description="File that holds it and nothing else.")
    headers: Headers = Field(default={}, description="HTTP headers; values are kept secret.")
    timeout_s: Seconds = Field(
        default=15, le=120, description="Longest wait for the status and the headers of an answer."
    )
    parallel: int = Field(
        default=8,
        ge=1,
        le=100,
        description="Deliveries at once; of one call there is never more than one.",
    )
    allow: Networks = Field(
        default=(),
        description="Networks that may be reached beside public addresses: `10.1.2.0/24`, "
        "`127.0.0.1`. All others are refused, whatever the name of the URL resolves to.",
    )
    ca_file: OneLine = Field(
        default="",
        description="Certificates (PEM) that are trusted with those of the system.",
    )
    max_mb: int = Field(
        default=200,
        ge=1,
        le=2_000,
        description="What waits for it on disk, and its dead letters. Old dead letters make room "
        "first; beyond it events are dropped, and `webhook.dropped` tells so.",
    )


class WebhookSpoolSection(Section):
    """Where events wait for webhooks, and for how long."""

    directory: OneLine = Field(
        default="webhooks",
        description="Folder of the spool; it is made when there is a webhook. One for each edge. "
        "Relative to the working directory.",
    )
    retry_s: Annotated[tuple[float, ...], AS_TUPLE, AfterValidator(_pauses)] = Field(
        default=RETRY_S,
        description="The pause before each attempt, in seconds; up to a fifth is added by chance.",
    )
    max_age_h: float = Field(
        default=80,
        gt=0,
        le=10_000,
        allow_inf_nan=False,
        description="An event that is older, and has been tried, becomes a dead letter.",
    )
    keep_dead_days: float = Field(
        default=7,
        gt=0,
        le=3650,
        allow_inf_nan=False,
        description="How long dead letters are kept.",
    )
