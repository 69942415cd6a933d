"""The names of accounts, calls and streams, in the shape that Twilio's have.

That of a call follows from our own id of it, so that the stream, webhooks and REST name it alike,
and a log line can be found from either.
"""

from __future__ import annotations

import hashlib
import secrets
from functools import lru_cache
from typing import Final

_HEX_DIGITS: Final = 32

USUAL_ACCOUNT: Final = "AC" + hashlib.sha256(b"sipua").hexdigest()[:_HEX_DIGITS]
"""Where the configuration names none."""


@lru_cache(maxsize=32_768)
def call_sid(call_id: str) -> str:
    return "CA" + hashlib.sha256(call_id.encode()).hexdigest()[:_HEX_DIGITS]


def new_stream_sid() -> str:
    """A call that is taken up again, after its agent was lost, is another stream."""
    return "MZ" + secrets.token_hex(_HEX_DIGITS // 2)
