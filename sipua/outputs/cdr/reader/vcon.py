"""A call as a vCon (draft-ietf-vcon-vcon-core-04), made of its row and of its record's words."""

from __future__ import annotations

import hashlib
import uuid
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final

import msgspec

from sipua.events.ending import Reason
from sipua.events.teller import rfc3339
from sipua.outputs.cdr.row import Row

VERSION: Final = "0.4.0"
_OTHER_SIDE, _AGENT = 0, 1

_DISPOSITIONS: Final[Mapping[Reason, str]] = {
    Reason.BUSY: "busy",
    Reason.NO_ANSWER: "no-answer",
    Reason.RING_TIMEOUT: "no-answer",
    Reason.CANCELED: "hung-up",
    Reason.OPERATOR_HANGUP: "hung-up",
    Reason.SHUTDOWN: "congestion",
    Reason.ENGINE_BUSY: "congestion",
    Reason.ENGINE_UNREACHABLE: "congestion",
}
"""Of a call that was not answered; every other reason: failed."""

Entry = Mapping[str, Any]


def of_call(row: Row, entries: Sequence[Entry] = ()) -> dict[str, Any]:
    """`entries`: of its record; without them it has no words."""
    dialogs = _dialogs(row, entries)
    return {
        "vcon": VERSION,
        "uuid": str(_uuid(row)),
        "created_at": row.ended,
        "parties": [_other_side(row), _agent(row)],
        "dialog": dialogs,
        "attachments": [
            {
                "purpose": row.schema,
                "start": row.began,
                "party": _AGENT,
                **({"dialog": 0} if dialogs else {}),
                "mediatype": "application/json",
                "encoding": "json",
                "body": msgspec.to_builtins(row),
            }
        ],
    }


def _uuid(row: Row) -> uuid.UUID:
    """Version 8: the time of a version 7, then what makes it ours, the same for each export.

    The last 62 bits are the first 62 of the domain's hash, as the draft wants; the 12 bits before
    them are of the call.
    """
    milliseconds = round(datetime.fromisoformat(row.began).timestamp() * 1000)
    of_call_id = int.from_bytes(hashlib.sha1(row.id.encode(), usedforsecurity=False).digest()[:2])
    domain = hashlib.sha1(row.node.encode(), usedforsecurity=False).digest()
    last = int.from_bytes(domain[:8]) >> 2
    whole = (milliseconds & (1 << 48) - 1) << 80 | 8 << 76 | (of_call_id & 0xFFF) << 64
    return uuid.UUID(int=whole | 0b10 << 62 | last)


def _other_side(row: Row) -> dict[str, Any]:
    uri = row.from_ if row.direction == "incoming" else row.to
    return _party(uri)


def _agent(row: Row) -> dict[str, Any]:
    uri = row.to if row.direction == "incoming" else row.from_
    return _party(uri) | {"name": row.route or "agent", "validation": "none", "type": "bot"}


def _party(uri: str | None) -> dict[str, Any]:
    """A number of which only the end was kept is a name, and no address."""
    if uri is None:
        return {"name": "anonymous"}
    if uri.startswith("tel:"):
        return {"tel": uri}
    if uri.startswith(("sip:", "sips:")):
        return {"sip": uri}
    return {"name": uri, "validation": "none"}


def _dialogs(row: Row, entries: Sequence[Entry]) -> list[dict[str, Any]]:
    """The first party of each is its originator."""
    caller = _OTHER_SIDE if row.direction == "incoming" else _AGENT
    if row.answered is None:
        incomplete = {
            "type": "incomplete",
            "start": row.began,
            "parties": [caller, 1 - caller],
            "disposition": _DISPOSITIONS.get(row.end.reason, "failed"),
        }
        return [incomplete]
    answered = datetime.fromisoformat(row.answered)
    return [_text(entry, answered) for entry in entries if _is_said(entry)]


def _is_said(entry: Entry) -> bool:
    return entry.get("kind") in ("caller", "agent") and bool(entry.get("text"))


def _text(entry: Entry, answered: datetime) -> dict[str, Any]:
    start_ms, end_ms = int(entry.get("start_ms", 0)), int(entry.get("end_ms", 0))
    said_by = _OTHER_SIDE if entry["kind"] == "caller" else _AGENT
    return {
        "type": "text",
        "start": rfc3339(answered + timedelta(milliseconds=start_ms)),
        "duration": max(0, end_ms - start_ms) / 1000,
        "parties": [said_by, 1 - said_by],
        "mediatype": "text/plain",
        "encoding": "none",
        "body": str(entry["text"]),
    }
