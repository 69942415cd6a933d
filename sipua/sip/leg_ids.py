"""The ids of the legs of a call, in signalling."""

from __future__ import annotations


def leg_id(call_id: str, number: int) -> str:
    """The id in signalling of a further leg of a call: its first, second, … leg `b`."""
    return f"{call_id}.b{number}"


def supervisor_id(call_id: str, number: int) -> str:
    """The same of a leg to a supervisor."""
    return f"{call_id}.s{number}"


def dialled_in_id(call_id: str, signalling_id: str) -> str:
    """The same of one to a supervisor who has dialled in; signalling knows it by its own id."""
    return f"{call_id}.s-{signalling_id.removeprefix('c-')}"


def is_supervisors(signalling_id: str) -> bool:
    return signalling_id.partition(".")[2].startswith("s")


def call_of(signalling_id: str) -> str:
    """The call that a leg belongs to; of a call its own id."""
    return signalling_id.partition(".")[0]
