"""What is known of a caller's number: plain data. `sipua.stir` makes it of an Identity header
(RFC 8224), or a trunk has told it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

Attestation: TypeAlias = Literal["A", "B", "C"]
"""RFC 8588. A: the caller may use the number. B: the caller is known, the number is not. C: neither
is."""
Checking: TypeAlias = Literal["off", "verify", "require"]

PASSED: Final = "TN-Validation-Passed"
FAILED: Final = "TN-Validation-Failed"
NOT_VALIDATED: Final = "No-TN-Validation"
"""The values of `verstat` (3GPP TS 24.229 7.2A.20)."""


@dataclass(frozen=True, slots=True)
class Verdict:
    verstat: str = ""
    """Empty: it was not asked for."""
    attest: str = ""
    """A, B or C; empty: nothing is attested."""
    origid: str = ""
    """Of the place where the call has come from, for tracing it back (RFC 8588)."""
    cause: str = ""
    """Why it is not passed."""
    by: Literal["", "edge", "trunk"] = ""
    """Who has found it."""

    @property
    def passed(self) -> bool:
        return self.verstat == PASSED


NOT_ASKED: Final = Verdict()


@dataclass(frozen=True, slots=True)
class Claim:
    """What an INVITE says of its caller's number, for verification."""

    mode: Checking
    least: Attestation
    """With `require`: what must be attested."""
    identities: tuple[str, ...] = ()
    """The values of Identity headers."""
    origs: tuple[str, ...] = ()
    """Who calls, as a PASSporT may name it: digits of a number, or a URI."""
    dests: tuple[str, ...] = ()
    """Who is called."""
    date: str = ""
    """The header: when a PASSporT of the compact form was made."""
    fault: str = ""
    """Why its headers cannot be read."""
    told: Verdict = NOT_ASKED
    """By a trunk that is believed."""
