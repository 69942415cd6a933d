"""A call, and a page of calls, as Twilio's REST shows them. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from email.utils import format_datetime
from typing import Any, Final
from urllib.parse import urlencode

from sipua.twilio.request import API_VERSION, CallStatus, Direction

ROOT: Final = f"/{API_VERSION}/Accounts"


@dataclass(frozen=True, slots=True)
class RestCall:
    sid: str
    direction: Direction
    status: CallStatus
    from_: str
    to: str
    created_at: datetime
    answered_at: datetime | None = None
    ended_at: datetime | None = None
    duration_s: float | None = None
    """Since the answer; known at the end."""
    caller_name: str = ""
    forwarded_from: str = ""
    answered_by: str = ""


def shown(call: RestCall, account: str, *, status: CallStatus | None = None) -> dict[str, Any]:
    """`status`: the one that has been asked for, and comes at once."""
    uri = f"{ROOT}/{account}/Calls/{call.sid}"
    updated = call.ended_at or call.answered_at or call.created_at
    duration = None if call.duration_s is None else str(round(call.duration_s))
    parts = ("events", "notifications", "payments", "recordings", "siprec", "streams")
    return {
        "sid": call.sid,
        "account_sid": account,
        "parent_call_sid": None,
        "phone_number_sid": None,
        "group_sid": None,
        "trunk_sid": None,
        "to": call.to,
        "to_formatted": call.to,
        "from": call.from_,
        "from_formatted": call.from_,
        "direction": call.direction,
        "status": status or call.status,
        "start_time": _date(call.answered_at),
        "end_time": _date(call.ended_at),
        "duration": duration,
        "date_created": _date(call.created_at),
        "date_updated": _date(updated),
        "answered_by": call.answered_by or None,
        "caller_name": call.caller_name or None,
        "forwarded_from": call.forwarded_from or None,
        "annotation": None,
        "price": None,
        "price_unit": "USD",
        "queue_time": "0",
        "api_version": API_VERSION,
        "uri": f"{uri}.json",
        "subresource_uris": {part: f"{uri}/{part.title()}.json" for part in parts},
    }


def page(
    calls: Sequence[RestCall],
    account: str,
    *,
    number: int,
    size: int,
    filters: Mapping[str, str],
) -> dict[str, Any]:
    """`calls`: all that fit; `number`: of the page, from 0."""
    start = number * size
    here = calls[start : start + size]

    def uri(of: int) -> str:
        query = urlencode({**filters, "PageSize": size, "Page": of})
        return f"{ROOT}/{account}/Calls.json?{query}"

    return {
        "calls": [shown(call, account) for call in here],
        "page": number,
        "page_size": size,
        "start": start,
        "end": max(start, start + len(here) - 1),
        "first_page_uri": uri(0),
        "next_page_uri": uri(number + 1) if len(calls) > start + size else None,
        "previous_page_uri": uri(number - 1) if number else None,
        "uri": uri(number),
    }


def _date(at: datetime | None) -> str | None:
    return None if at is None else format_datetime(at)
