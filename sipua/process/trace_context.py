"""The W3C trace context of a call: what it takes from outside, and what it gives away. Pure.

The id of the trace is known when the call begins, so that it can go out with everything that the
call does. So are the ids of its spans, though they are written when it is over: each is made from
the ids of the trace and the call and from what the span is about, in whichever process asks.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from typing import Final

HEADER: Final = "traceparent"
_CALL: Final = "call"
_SAMPLED: Final = 1
_NONE: Final = frozenset("0")
# Version 00 has this form and no other. A later one may have more behind it, which is not read.
_FORM: Final = re.compile(r"([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-.*)?")
_SPAN_ID: Final = re.compile(r"[0-9a-f]{16}")
_LONGEST: Final = 256


@dataclass(frozen=True, slots=True)
class Incoming:
    """A `traceparent` that came with a request."""

    trace_id: str
    span_id: str
    sampled: bool


def parse(text: str) -> Incoming | None:
    """None: it is none, and means nothing, as the standard demands."""
    if len(text) > _LONGEST:
        return None
    found = _FORM.fullmatch(text)
    if found is None:
        return None
    version, trace_id, span_id, flags, more = found.groups()
    if version == "ff" or (version == "00" and more):
        return None
    if _NONE.issuperset(trace_id) or _NONE.issuperset(span_id):
        return None
    return Incoming(trace_id, span_id, bool(int(flags, 16) & _SAMPLED))


def is_span_id(text: str) -> bool:
    return _SPAN_ID.fullmatch(text) is not None


@dataclass(frozen=True, slots=True)
class CallTrace:
    """The trace of one call."""

    trace_id: str
    """32 hexadecimal digits, as all ids of traces."""
    call_id: str
    sampled: bool
    """Whether it is written whatever happens; a call with a fault always is."""
    parent_id: str = ""
    """The span outside that the call is part of; empty: there is none."""

    @property
    def span_id(self) -> str:
        """Of the whole call: 16 hexadecimal digits."""
        return self.child(_CALL)

    def child(self, *about: str) -> str:
        """The id of one of its spans."""
        told = "\0".join((self.trace_id, self.call_id, *about))
        return hashlib.blake2b(told.encode("utf-8", "replace"), digest_size=8).hexdigest()

    def traceparent(self, *about: str) -> str:
        """For those who do something for this span; without any, for the call."""
        return f"00-{self.trace_id}-{self.child(*(about or (_CALL,)))}-{self.sampled:02x}"


def begin(call_id: str, new_id: str, share: float, incoming: Incoming | None = None) -> CallTrace:
    """`new_id`: the id of the trace if it begins here; `share`: of the calls, which are written."""
    sampled = _in(share, call_id)
    if incoming is None:
        return CallTrace(new_id, call_id, sampled)
    return CallTrace(
        incoming.trace_id, call_id, sampled or incoming.sampled, parent_id=incoming.span_id
    )


def _in(share: float, call_id: str) -> bool:
    """By the call id, so that it is the same wherever it is asked."""
    drawn = hashlib.blake2b(call_id.encode("utf-8", "replace"), digest_size=8).digest()
    return int.from_bytes(drawn) < share * 2**64
