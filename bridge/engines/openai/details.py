"""What the vendor says of errors and of cost, in the words of our events."""

from __future__ import annotations

from collections.abc import Container
from typing import Final

import msgspec

from sipua.bridge.engine_api.events import EngineFault

TEXT_CHARS: Final = 500  # of what the server words, which ends in logs

_MOST: Final = 10**12  # of tokens: beyond, it is not a count


class ErrorDetail(msgspec.Struct):
    message: str | None = None
    type: str | None = None
    code: str | None = None


def worded(error: ErrorDetail | None) -> str:
    if error is None:
        return ""
    code = error.code or error.type or ""
    return ": ".join(filter(None, (code, error.message)))[:TEXT_CHARS]


def fault(
    error: ErrorDetail, event_id: str | None, *, fatal_codes: Container[str] = ()
) -> EngineFault:
    """`event_id`: of our event that it is about."""
    code = error.code or error.type or "unknown"
    return EngineFault(
        code=code[:TEXT_CHARS],
        message=(error.message or "")[:TEXT_CHARS],
        event_id=event_id,
        fatal=code in fatal_codes,
    )


def tokens(number: float | None) -> int:
    return int(min(number, _MOST)) if number is not None and number > 0 else 0
