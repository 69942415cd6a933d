"""Who calls whom, as it is passed on: plain data. `sipua.sip.parties` makes it of an INVITE."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from sipua.sip.wire.verdict import NOT_ASKED, Verdict

ANONYMOUS: Final = '"Anonymous" <sip:anonymous@anonymous.invalid>'
"""RFC 3323 4.1.1.3."""


@dataclass(frozen=True, slots=True)
class Caller:
    number: str = ""
    """In the trunk's format; or the user of the URI, which need not be a number. Empty: withheld,
    or none was given."""
    received: str = ""
    """As the header has it, where that differs."""
    name: str = ""
    host: str = ""
    header: str = ""
    """The header that it is from; empty: none has a caller."""
    anonymous: bool = False
    diverted: tuple[str, ...] = ()
    """The numbers that were called before, the last one first."""
    verdict: Verdict = NOT_ASKED
    """Whether the number is the caller's."""

    @property
    def uri(self) -> str:
        """For routes, which compare users and hosts."""
        if self.anonymous:
            return ANONYMOUS
        return f"sip:{self.number}@{self.host}" if self.host else self.number


NOBODY: Final = Caller()


@dataclass(frozen=True, slots=True)
class Parties:
    """Who calls whom, and what the chosen headers say."""

    caller: Caller = NOBODY
    called: str = ""
    """The number in the request line, in the trunk's format."""
    dialled: tuple[str, ...] = ()
    """URIs for routes: the number is in the request line, or behind a registrar in To."""
    headers: Mapping[str, str] = field(default_factory=dict)


NO_PARTIES: Final = Parties()
