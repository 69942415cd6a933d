"""The way of an event: its line into the log, and its data to what passes events on."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TypeAlias

import msgspec
from structlog.typing import FilteringBoundLogger

from sipua.events.event import Event
from sipua.log.secret_masking import mask_value
from sipua.process.trace_context import CallTrace


@dataclass(frozen=True, slots=True)
class Told:
    """An event as it is passed on, between processes too."""

    type: str
    at_s: float
    """Unix time."""
    call_id: str
    """Empty: it is of no call."""
    data: bytes
    """Its fields as a JSON object, with secrets masked."""
    traceparent: str = ""
    """The call in its trace; empty: it has none."""


ENDED = "call.ended"
"""The type of a call's last event, which alone must not be missed."""

Publish: TypeAlias = Callable[[Told], None]


def keep_back(_told: Told) -> None:
    """A `Publish` for those who read the log alone."""


class Teller:
    """Of one call, or of the edge."""

    __slots__ = ("_call_id", "_log", "_publish", "_traceparent")

    def __init__(
        self,
        log: FilteringBoundLogger,
        publish: Publish = keep_back,
        call_id: str = "",
        trace: CallTrace | None = None,
    ) -> None:
        """`log`: with the ids of call and trace bound."""
        self._log = log
        self._publish = publish
        self._call_id = call_id
        self._traceparent = "" if trace is None else trace.traceparent()

    def tell(self, event: Event) -> None:
        fields = event.fields()
        getattr(self._log, event.level)(event.type, **fields)
        masked = {name: mask_value(name, value) for name, value in fields.items()}
        self._publish(
            Told(event.type, time.time(), self._call_id, to_json(masked), self._traceparent)
        )


def to_json(value: object) -> bytes:
    try:
        return msgspec.json.encode(value)
    except (UnicodeEncodeError, OverflowError):  # lone surrogates, integers beyond 64 bit
        text = json.dumps(value, default=str, ensure_ascii=False)
        return text.encode("utf-8", "replace")


def rfc3339(moment: datetime) -> str:
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
