"""Which numbers may be called: patterns, and those that begin with `!` forbid.

A number may be called when no pattern with `!` fits and another one does; a list of `!` alone
forbids these and allows the rest. An empty list allows all.
"""

from __future__ import annotations

from collections.abc import Sequence
from fnmatch import fnmatchcase
from typing import Final

from sipua.sip.parties.numbers import plain

_LONGEST: Final = 64
"""Of a number that is compared; a longer one is none."""


def refused_by(number: str, patterns: Sequence[str]) -> str:
    """The pattern that forbids it, or `no pattern fits`; empty: it may be called."""
    if not patterns:
        return ""
    number = plain(number) or number
    if len(number) > _LONGEST:
        return "no pattern fits"
    forbidding = (one for one in patterns if one.startswith("!"))
    if rule := next((one for one in forbidding if fnmatchcase(number, one[1:])), ""):
        return f'"{rule}"'
    allowing = [one for one in patterns if not one.startswith("!")]
    if allowing and not any(fnmatchcase(number, one) for one in allowing):
        return "no pattern fits"
    return ""
