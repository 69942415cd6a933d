"""What is sent: an event as a CloudEvent, or as plain Standard Webhooks have it. Pure."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from typing import Any, Final

import msgspec

from sipua.outputs.hooks.settings import Format
from sipua.process import trace_context

CONTENT_TYPES: Final[dict[Format, str]] = {
    "cloudevents": "application/cloudevents+json; charset=utf-8",
    "plain": "application/json",
}
BATCH_TYPE: Final = "application/cloudevents-batch+json; charset=utf-8"


class _Traced(msgspec.Struct):
    traceparent: str = ""


def headers(document: bytes) -> dict[str, str]:
    """Those that the event brings along: of the trace of its call."""
    traceparent = msgspec.json.decode(document, type=_Traced).traceparent
    return {trace_context.HEADER: traceparent} if traceparent else {}


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


def batch(documents: Iterable[bytes]) -> bytes:
    """Several CloudEvents; each keeps what it has, of its trace as well."""
    return b"[" + b",".join(documents) + b"]"


def batch_id(event_ids: Iterable[str]) -> str:
    """The same for the same events in the same order."""
    return "batch-" + hashlib.sha256("\n".join(event_ids).encode()).hexdigest()[:32]
