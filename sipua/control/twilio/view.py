"""A call of the view, as Twilio's REST has it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, cast

from sipua.bridge.engines.twilio_stream.sids import call_sid
from sipua.control.view.calls import CallView
from sipua.events.ending import Status
from sipua.twilio.request import ANONYMOUS, CallStatus, ended_status, party
from sipua.twilio.rest.resource import RestCall

_STATUSES: Final[Mapping[str, CallStatus]] = {"ringing": "ringing", "active": "in-progress"}
_ANSWERED_BY: Final = {
    "person": "human",
    "machine": "machine_start",
    "voicemail": "machine_start",
    "fax": "fax",
    "unknown": "unknown",
}


def rest_call(call: CallView) -> RestCall:
    caller = call.caller or {}
    from_ = party(caller.get("number", ""), call.from_uri or "")
    return RestCall(
        sid=call_sid(call.id),
        direction="inbound" if call.direction == "incoming" else "outbound-api",
        status=_status(call),
        from_=ANONYMOUS if caller.get("anonymous") else from_,
        to=party(call.called or "", call.to_uri or ""),
        created_at=call.created_at,
        answered_at=call.answered_at,
        ended_at=call.ended_at,
        duration_s=call.duration_s,
        caller_name=caller.get("name", ""),
        forwarded_from=next(iter(caller.get("diverted", ())), ""),
        answered_by=_ANSWERED_BY.get((call.answered_by or {}).get("verdict", ""), ""),
    )


def _status(call: CallView) -> CallStatus:
    match call.state:
        case "ended":
            end = call.end or {}
            sip_status = (end.get("sip") or {}).get("status", 0)
            status = cast("Status", call.status or "failed")
            return ended_status(status, end.get("reason", ""), sip_status)
        case "placing":
            return "initiated" if call.sip_call_id else "queued"
    return _STATUSES[call.state]
