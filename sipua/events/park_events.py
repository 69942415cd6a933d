"""The events of parked calls. docs/events.md has them all."""

from __future__ import annotations

from typing import Final

from sipua.events.event import Event


class Parked(Event, tag="call.parked"):
    """The caller waits, with our hold sound; the agent is aside."""

    slot: str
    by: str
    """Whose token it was."""
    timeout_s: float
    """Then the agent has the call again."""


UNPARKED: Final = "call.unparked"


class Unparked(Event, tag=UNPARKED):
    """The caller waits no more."""

    slot: str
    how: str
    """`retrieved`: a person has the call. `timeout`, `operator`: the agent has it again. `ended`:
    the call is over."""
    by: str
    """The person, or whose token it was."""
