"""Header fields that the configuration names: those read from an INVITE, and those put into ours.

What says who calls, where a request goes or who may do what cannot be set (RFC 3261 20): these are
made by us, or by pjsip.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Final

from sipua.sip.wire.texts import Message

MOST: Final = 16
LONGEST: Final = 256
"""Characters of a value."""
SETTABLE: Final = ("Subject", "Priority", "Organization", "User-to-User", "Alert-Info", "Call-Info")
"""Beside those that begin with `X-`."""
SECRET: Final = frozenset(("authorization", "proxy-authorization"))
"""Never read: agents, tools and records would get a password's digest."""

_NAME: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9-]{0,63}")
_X_HEADER: Final = re.compile(r"X-[A-Za-z0-9-]{1,62}", re.IGNORECASE)
_SETTABLE: Final = frozenset(name.lower() for name in SETTABLE)


def name_fault(name: str) -> str:
    """Why a header of this name cannot be read; empty: it can."""
    if not _NAME.fullmatch(name):
        return "is no name of a header"
    return "holds a secret, and is never read" if name.lower() in SECRET else ""


def fault(name: str, value: str) -> str:
    """Why this header cannot be set; empty: it can."""
    if not _X_HEADER.fullmatch(name) and name.lower() not in _SETTABLE:
        return f"{name[:64]!r} may not be set: use X-…, or one of {', '.join(SETTABLE)}"
    if len(value) > LONGEST:
        return f"{name} is longer than {LONGEST} characters"
    if not value or not value.isprintable() or not _encodes(value):
        return f"{name} is empty, or has characters that no header field may have"
    return ""


def chosen(message: Message, names: Sequence[str]) -> dict[str, str]:
    """Those of these that the INVITE has once. One that is there twice was written by two parties,
    of which one may be the caller: it is not taken."""
    found = {}
    for name in names:
        values = message.headers(name, 2)
        if len(values) == 1 and values[0]:
            found[name] = values[0][:LONGEST]
    return found


def merged(*given: Mapping[str, str]) -> dict[str, str]:
    """Later ones have precedence, whatever the case of their names."""
    found: dict[str, tuple[str, str]] = {}
    for headers in given:
        found |= {name.lower(): (name, value) for name, value in headers.items()}
    return dict(found.values())


def _encodes(text: str) -> bool:
    return not any("\ud800" <= character <= "\udfff" for character in text)
