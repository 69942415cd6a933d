"""Parties of a call as events, call records and the API show them."""

from __future__ import annotations

import msgspec


class CallerShown(msgspec.Struct, frozen=True, omit_defaults=True):
    """Who calls, by the header that is believed, as far as `record.numbers` allows."""

    number: str = ""
    """In the trunk's format; missing: withheld, or none was given."""
    received: str = ""
    """As the header has it, where that differs."""
    name: str = ""
    """With `record.numbers` = `full` only."""
    header: str = ""
    anonymous: bool = False
    """The caller wants not to be known: there is no number and no name."""
    diverted: list[str] = []
    """The numbers that were called before, the last one first."""
    verstat: str = ""
    """TN-Validation-Passed, TN-Validation-Failed, No-TN-Validation; missing: not verified."""
    attest: str = ""
    """A, B or C."""
    origid: str = ""
    """Of the place where the call has come from."""
    verified_by: str = ""
    """The edge, or the trunk, which is believed."""
    unverified: str = ""
    """Why it is not passed."""
