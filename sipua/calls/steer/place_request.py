"""A call that is to be placed, as those outside ask for it, and why it may not be."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, Literal, TypeAlias

from sipua.calls.steer.commands import metadata_fault

MOST_HEADERS: Final = 16
LONGEST_HEADER: Final = 256
"""Characters of a value."""
HEADERS: Final = ("Subject", "Priority", "Organization", "User-to-User", "Alert-Info", "Call-Info")
"""Beside those that begin with `X-`. None of them says who calls, or where a request goes."""
LONGEST_RING_S: Final = 600
LONGEST_CALL_S: Final = 86_400

_X_HEADER = re.compile(r"X-[A-Za-z0-9-]{1,62}", re.IGNORECASE)
_LISTED = frozenset(name.lower() for name in HEADERS)

NotPlaced: TypeAlias = Literal["invalid", "draining", "full", "no_worker", "no_port", "failed"]


class CannotPlaceError(Exception):
    """The text says why, to those who asked."""

    def __init__(self, kind: NotPlaced, text: str, *, retry_after_s: float = 0.0) -> None:
        super().__init__(text)
        self.kind = kind
        self.retry_after_s = retry_after_s


@dataclass(frozen=True, slots=True)
class PlaceRequest:
    to: str
    """A SIP URI, or a number at the account or trunk."""
    origin: str = ""
    """The account or trunk that it goes out by; empty: straight to the host in `to`."""
    route: str = ""
    """The agent; empty: the first route that fits."""
    headers: Mapping[str, str] = field(default_factory=dict)
    """Of the INVITE."""
    metadata: Mapping[str, str] = field(default_factory=dict)
    ring_timeout_s: float | None = None
    """None: as configured."""
    max_duration_s: float | None = None
    answering: str = ""
    """`off` or `detect`; empty: as the route has it, as the next one."""
    on_voicemail: str = ""
    by: str = ""
    """Whose token it was."""


def fault_of(request: PlaceRequest) -> str:
    """What is wrong with it in itself; empty: nothing. Target, account and route are not judged."""
    for name, value, most in (
        ("ring_timeout_s", request.ring_timeout_s, LONGEST_RING_S),
        ("max_duration_s", request.max_duration_s, LONGEST_CALL_S),
    ):
        if value is not None and not 1 <= value <= most:
            return f"`{name}` is to be from 1 to {most}"
    if len(request.headers) > MOST_HEADERS:
        return f"`headers` has more than {MOST_HEADERS} fields"
    for name, text in request.headers.items():
        if fault := _header_fault(name, text):
            return f"`headers`: {fault}"
    return metadata_fault(request.metadata)


def _header_fault(name: str, value: str) -> str:
    if not _X_HEADER.fullmatch(name) and name.lower() not in _LISTED:
        return f"{name[:64]!r} may not be set: use X-…, or one of {', '.join(HEADERS)}"
    if len(value) > LONGEST_HEADER:
        return f"{name} is longer than {LONGEST_HEADER} characters"
    if not value or not value.isprintable() or not _encodes(value):
        return f"{name} is empty, or has characters that no header field may have"
    return ""


def _encodes(text: str) -> bool:
    return not any("\ud800" <= character <= "\udfff" for character in text)
