"""Digits that come by SIP INFO, as gateways and old PBXs send them. No I/O.

    Content-Type: application/dtmf-relay     Content-Type: application/dtmf
    Signal=5                                 5
    Duration=160

RFC 2976 named the method and no body for it; these two are what is used. `*` and `#` also come as
10 and 11, A to D as 12 to 15. What else comes by INFO is refused by its type (RFC 6086 4.2.2), but
for an empty one, by which some peers ask whether a call is still up.
"""

from __future__ import annotations

import re
from collections import deque
from dataclasses import dataclass
from typing import Final

from sipua.rtp.dtmf import MAX_PER_S
from sipua.sip.wire import sdp, texts

OK: Final = 200
BAD_REQUEST: Final = 400
UNSUPPORTED_TYPE: Final = 415
BUSY: Final = 500
"""It ends nothing but its own transaction (RFC 5057)."""

USUAL_MS: Final = 160
LONGEST_MS: Final = 10_000
_LONGEST: Final = 8192
"""Characters that are read, of an INFO that has 300 as phones send it."""
_LONGEST_BODY: Final = 256

_BLANK = r"[ \t]{0,8}"
_KEY = r"([0-9]{1,2}|[*#A-D])"
_SIGNAL = re.compile(rf"(?im)^{_BLANK}signal{_BLANK}={_BLANK}{_KEY}{_BLANK}$")
_DURATION = re.compile(rf"(?im)^{_BLANK}duration{_BLANK}={_BLANK}([0-9]{{1,6}}){_BLANK}$")
_ALONE = re.compile(rf"(?i)\s{{0,8}}{_KEY}\s{{0,8}}")
_NUMBERED = "0123456789*#ABCD"
_KINDS = ("application/dtmf-relay", "application/dtmf")


@dataclass(frozen=True, slots=True)
class Info:
    """What is answered, and the digit, if there is one."""

    status: int
    digit: str = ""
    duration_ms: int = 0


@dataclass(frozen=True, slots=True)
class DigitTold:
    """A key of the peer, on its way to the call: a message as those of `sipua.sip.messages`."""

    call_id: str
    digit: str
    duration_ms: int


class InfoDigits:
    """One call's."""

    def __init__(self) -> None:
        self._taken_at: deque[float] = deque(maxlen=MAX_PER_S)

    def read(self, message: str, now: float) -> Info:
        """A whole INFO of the peer."""
        message = message[:_LONGEST]
        info = parse(texts.header(message, "Content-Type") or "", texts.body(sdp.body(message)))
        if not info.digit:
            return info
        if len(self._taken_at) == MAX_PER_S and now - self._taken_at[0] < 1.0:
            return Info(BUSY)
        self._taken_at.append(now)
        return info


def parse(content_type: str, body: str) -> Info:
    kind = content_type.partition(";")[0].strip().lower()
    if not kind and not body.strip():
        return Info(OK)
    if kind not in _KINDS:
        return Info(UNSUPPORTED_TYPE)
    text = body[:_LONGEST_BODY]
    found = _SIGNAL.search(text) or (_ALONE.fullmatch(text) if kind.endswith("dtmf") else None)
    if found is None:
        return Info(BAD_REQUEST)
    key = found[1].upper()
    if len(key) == 2:
        if int(key) >= len(_NUMBERED):
            return Info(OK)  # 16 is a hook flash: heard, and no digit
        key = _NUMBERED[int(key)]
    lasted = _DURATION.search(text)
    return Info(OK, key, min(int(lasted[1]), LONGEST_MS) if lasted else USUAL_MS)
