"""Whether a request can be read in one way only (RFC 3261 8.1.1, 8.2.2.3 and 18.3).

pjsip takes the first of two values and answers. The peer, a proxy between us, or whoever reads a
log of it takes the second one: of such a disagreement requests are smuggled. What pjsip cannot
read at all it drops itself, unanswered.
"""

from __future__ import annotations

import re

from sipua.sip.admission.admission import Refusal
from sipua.sip.wire.texts import Message

_ONCE = ("From", "To", "Call-ID", "CSeq", "Max-Forwards", "Content-Length")
_END_OF_HEAD = re.compile(r"\r?\n\r?\n")
_MOST_OPTIONS = 8


def unsound(method: str, raw: str) -> Refusal | None:
    """The refusal of a request that would begin something."""
    message = Message(raw)
    for name in _ONCE:
        if message.count(name) > 1:
            return _bad(f"{name} is there more than once")
    words = (message.header("CSeq") or "").split()
    if words[1:] and words[1] != method:
        return _bad("CSeq has another method")
    length = message.header("Content-Length") or ""
    if length.isdecimal() and int(length) > _bytes_behind_the_head(raw):
        return _bad("Content-Length is more than there is")
    if method != "INVITE":  # pjsip judges the Require of an INVITE
        return _needs_more(message)
    hops = message.header("Max-Forwards")
    if hops and not hops.strip("0"):  # a call may leave us again: we count as one more hop
        return Refusal(483, "Too Many Hops")
    return None


def _needs_more(message: Message) -> Refusal | None:
    """Out of calls we have none of the options that may be required."""
    required = message.headers("Require", _MOST_OPTIONS)
    options = [one.strip() for text in required for one in text.split(",")]
    wanted = ", ".join(one for one in options[:_MOST_OPTIONS] if one)
    return Refusal(420, "Bad Extension", unsupported=wanted) if wanted else None


def _bad(cause: str) -> Refusal:
    return Refusal(400, "Bad Request", cause=cause)


def _bytes_behind_the_head(raw: str) -> int:
    end = _END_OF_HEAD.search(raw)
    return len(raw[end.end() :].encode("utf-8", "surrogateescape")) if end else 0
