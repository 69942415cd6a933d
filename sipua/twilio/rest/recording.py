"""A recording, as Twilio's REST shows it. Pure."""

from __future__ import annotations

from email.utils import format_datetime
from typing import Any

from sipua.bridge.engines.twilio_stream.sids import call_sid
from sipua.twilio.recordings.store import About
from sipua.twilio.request import API_VERSION
from sipua.twilio.rest.resource import ROOT


def shown(about: About, account: str, *, url: str) -> dict[str, Any]:
    """`url`: of the sound."""
    began = format_datetime(about.began)
    return {
        "account_sid": account,
        "api_version": API_VERSION,
        "call_sid": call_sid(about.call_id),
        "conference_sid": None,
        "date_created": began,
        "date_updated": began,
        "start_time": began,
        "duration": str(max(1, round(about.seconds))),
        "sid": about.sid,
        "price": None,
        "price_unit": "USD",
        "status": "completed",
        "channels": 1,
        "source": "RecordVerb",
        "error_code": None,
        "encryption_details": None,
        "uri": f"{ROOT}/{account}/Recordings/{about.sid}.json",
        "media_url": url,
        "subresource_uris": {},
    }
