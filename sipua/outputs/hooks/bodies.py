"""What is sent: an event as a CloudEvent, or as plain Standard Webhooks have it. Pure."""

from __future__ import annotations

from typing import Any, Final

import msgspec

from sipua.outputs.hooks.settings import Format

CONTENT_TYPES: Final[dict[Format, str]] = {
    "cloudevents": "application/cloudevents+json; charset=utf-8",
    "plain": "application/json",
}


def body(document: bytes, form: Format) -> bytes:
    """`document`: the CloudEvent, as it is kept."""
    if form == "cloudevents":
        return document
    event: dict[str, Any] = msgspec.json.decode(document, type=dict[str, msgspec.Raw])
    plain = {"type": event["type"], "timestamp": event["time"]}
    if "subject" in event:
        plain["call_id"] = event["subject"]
    plain |= {name: event[name] for name in ("id", "source", "sequence", "data")}
    return msgspec.json.encode(plain)
