"""What a span is, before it is written in anybody's format."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, Literal, TypeAlias

Value: TypeAlias = str | int | float | bool
Attributes: TypeAlias = dict[str, Value]
Kind: TypeAlias = Literal["internal", "server", "client"]

PRIVATE: Final = "sipua.private."
"""Before the name of an attribute that holds a number or a word."""
LONGEST_TEXT: Final = 256
LONGEST_PRIVATE: Final = 4000
_WHOLE: Final = 2**63


@dataclass(slots=True)
class Moment:
    """What happened within a span, and took no time: an event, in OpenTelemetry's words."""

    name: str
    at_s: float
    attributes: Attributes = field(default_factory=dict)


@dataclass(slots=True)
class Span:
    """Times are unix time."""

    name: str
    span_id: str
    parent_id: str
    """Empty: it is the first of its trace."""
    start_s: float
    end_s: float
    kind: Kind = "internal"
    attributes: Attributes = field(default_factory=dict)
    moments: list[Moment] = field(default_factory=list)
    error: str = ""
    """What went wrong, in a word of a closed list. Empty: nothing."""


@dataclass(frozen=True, slots=True)
class Trace:
    """A call's spans, the call's own first."""

    trace_id: str
    spans: list[Span]


def attributes(values: Mapping[str, object]) -> Attributes:
    """Those that are something, bounded in length."""
    found: Attributes = {}
    for name, value in values.items():
        if isinstance(value, str):
            if value:
                most = LONGEST_PRIVATE if name.startswith(PRIVATE) else LONGEST_TEXT
                found[name] = value[:most].encode("utf-8", "replace").decode()
        elif isinstance(value, bool | float):
            found[name] = value
        elif isinstance(value, int):
            found[name] = max(-_WHOLE, min(value, _WHOLE - 1))
    return found
