"""The settings of HEP."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final, Literal, TypeAlias

Transport: TypeAlias = Literal["udp", "tcp", "tls"]
What: TypeAlias = Literal["sip", "rtcp", "logs", "cdr"]
WHAT: Final[tuple[What, ...]] = ("sip", "rtcp", "logs", "cdr")


@dataclass(frozen=True, slots=True)
class HepSettings:
    host: str
    port: int
    transport: Transport
    what: frozenset[What]
    capture_id: int
    auth_key: str = field(default="", repr=False)
    node: str = ""
    """The name of this edge."""
    ca_file: str = ""
    """Of TLS; empty: the system's."""
