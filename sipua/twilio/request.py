"""The requests that an agent gets: what they tell of the call, and how they are written. Pure.

Twilio calls the calls of SIP domains almost as ours are, and tells more of them: the id and the
X- headers of the INVITE among it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import format_datetime
from typing import Final, Literal, TypeAlias
from urllib.parse import urlencode

from sipua.bridge.engines.twilio_stream.sids import call_sid
from sipua.bridge.engines.twilio_stream.signature import HEADER, signature
from sipua.bridge.engines.twilio_stream.user_agent import USER_AGENT
from sipua.calls.facts import CallFacts
from sipua.events.ending import Reason, Status
from sipua.sip.parties.numbers import plain
from sipua.sip.wire.addresses import host_of
from sipua.twilio.twiml.verbs import Method

API_VERSION: Final = "2010-04-01"
ANONYMOUS: Final = "Anonymous"
_BUSY_HERE: Final = 486
_LONGEST: Final = 512
"""Of a value: a caller chooses its own name."""

CallStatus: TypeAlias = Literal[
    "queued",
    "initiated",
    "ringing",
    "in-progress",
    "completed",
    "busy",
    "no-answer",
    "failed",
    "canceled",
]
Direction: TypeAlias = Literal["inbound", "outbound-api"]

_ENDED: Final[Mapping[Status, CallStatus]] = {
    "completed": "completed",
    "busy": "busy",
    "no_answer": "no-answer",
    "canceled": "canceled",
    "rejected": "failed",
    "redirected": "failed",
    "failed": "failed",
}


def ended_status(status: Status, reason: str = "", sip_status: int = 0) -> CallStatus:
    """Of a call that has ended, by its outcome. One that documents have refused while it rang has
    the status of the refusal."""
    if status == "failed" and reason == Reason.AGENT_HANGUP:
        return "busy" if sip_status == _BUSY_HERE else "no-answer"
    return _ENDED[status]


@dataclass(frozen=True, slots=True)
class WebRequest:
    url: str = field(repr=False)
    """As it is signed: what is sent must be the same, letter by letter."""
    method: Method
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(repr=False)
    """Empty: a GET has none."""


def written(
    url: str, method: Method, parameters: Mapping[str, str], *, auth_token: str, token: str
) -> WebRequest:
    """`token`: see `idempotency_token`. Without an `auth_token` it is not signed."""
    form: Mapping[str, str]
    headers = {"User-Agent": USER_AGENT, "Accept": "*/*", "I-Twilio-Idempotency-Token": token}
    if method == "GET":
        if parameters:
            url = f"{url}{'&' if '?' in url else '?'}{urlencode(parameters)}"
        form, body = {}, b""
    else:
        form, body = parameters, urlencode(parameters).encode()
        headers["Content-Type"] = "application/x-www-form-urlencoded; charset=UTF-8"
    if auth_token:
        headers[HEADER] = signature(auth_token, url, form)
    return WebRequest(url, method, headers, body)


def idempotency_token(call_id: str, number: int) -> str:
    """The same for each attempt at the request of this number of this call."""
    digest = hashlib.sha256(f"{call_id}\n{number}".encode()).hexdigest()
    return "-".join((digest[:8], digest[8:12], digest[12:16], digest[16:20], digest[20:32]))


# --- what is told -----------------------------------------------------------------------------


def of_call(facts: CallFacts, account_sid: str, status: CallStatus) -> dict[str, str]:
    """What each request tells of its call."""
    from_, to = parties(facts)
    direction: Direction = "inbound" if facts.direction == "incoming" else "outbound-api"
    told = basics(account_sid, call_sid(facts.call_id), status, direction, from_, to)
    caller = facts.caller
    if caller.name and not caller.anonymous:
        told["CallerName"] = caller.name
    if caller.diverted:
        told["ForwardedFrom"] = caller.diverted[0]
    if facts.sip_call_id:
        told["SipCallId"] = facts.sip_call_id
    if domain := host_of(facts.to_uri):
        told["SipDomain"] = domain
    if verstat := caller.verdict.verstat:
        attest = caller.verdict.attest
        told["StirVerstat"] = f"{verstat}-{attest}" if attest else verstat
    for name, value in facts.headers.items():
        if name.lower().startswith("x-"):
            told[f"SipHeader_{name}"] = value
    return {name: value[:_LONGEST] for name, value in told.items()}


def basics(  # noqa: PLR0917 - the values that all requests have
    account_sid: str, sid: str, status: CallStatus, direction: Direction, from_: str, to: str
) -> dict[str, str]:
    return {
        "AccountSid": account_sid,
        "ApiVersion": API_VERSION,
        "CallSid": sid,
        "CallStatus": status,
        "Direction": direction,
        "From": from_,
        "Caller": from_,
        "To": to,
        "Called": to,
    }


def parties(facts: CallFacts) -> tuple[str, str]:
    """Who calls, and who is called: numbers in the trunk's format, or URIs."""
    caller, called = facts.caller, facts.called
    from_ = ANONYMOUS if caller.anonymous else party(caller.number, facts.from_uri)
    return from_, party(called, facts.to_uri)


def of_progress(
    told: Mapping[str, str], *, sequence: int, at: datetime, duration_s: float | None = None
) -> dict[str, str]:
    """The same of a request for a status callback. `told`: of the call; `at`: UTC; `sequence`: from
    0, of the call's; `duration_s`: of one that has ended, 0 if nobody answered."""
    more = {
        "CallbackSource": "call-progress-events",
        "SequenceNumber": str(sequence),
        "Timestamp": format_datetime(at),
    }
    if duration_s is not None:
        seconds = round(duration_s)
        more |= {"CallDuration": str(seconds), "Duration": str(-(-seconds // 60))}
    return {**told, **more}


def of_stream(
    facts: CallFacts,
    account_sid: str,
    *,
    stream_sid: str,
    name: str,
    event: str,
    at: datetime,
    error: str = "",
) -> dict[str, str]:
    """The same of the status callback of a stream. `name`: empty where it has none."""
    told = {
        "AccountSid": account_sid,
        "CallSid": call_sid(facts.call_id),
        "StreamSid": stream_sid,
        "StreamName": name or stream_sid,
        "StreamEvent": event,
        "Timestamp": at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
    }
    if error:
        told["StreamError"] = error[:_LONGEST]
    return told


def of_recording(
    facts: CallFacts,
    account_sid: str,
    *,
    sid: str,
    url: str,
    duration_s: int,
    began: datetime,
) -> dict[str, str]:
    """The same of the status callback of a recording, which is complete."""
    return {
        "AccountSid": account_sid,
        "CallSid": call_sid(facts.call_id),
        "RecordingSid": sid,
        "RecordingUrl": url,
        "RecordingStatus": "completed",
        "RecordingDuration": str(duration_s),
        "RecordingChannels": "1",
        "RecordingSource": "RecordVerb",
        "RecordingStartTime": format_datetime(began),
    }


def party(number: str, header: str) -> str:
    if (digits := plain(number)) is not None:
        return digits
    inside = header.partition("<")[2].partition(">")[0] or header
    uri = inside.partition(";")[0].strip()
    return uri or number
