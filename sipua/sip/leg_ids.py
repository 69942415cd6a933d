"""The ids of the legs of a call, in signalling."""

from __future__ import annotations


def leg_id(call_id: str, number: int) -> str:
    """The id in signalling of a further leg of a call: its first, second, … leg `b`."""
    return f"{call_id}.b{number}"


def call_of(signalling_id: str) -> str:
    """The call that a leg belongs to; of a call its own id."""
    return signalling_id.partition(".")[0]
