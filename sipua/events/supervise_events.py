"""The events of people who listen in to a call. docs/events.md has them all."""

from __future__ import annotations

from sipua.events.event import Event


class Supervised(Event, tag="call.supervised"):
    """From now on a supervisor hears the call."""

    who: str
    """The target that was called."""
    by: str
    """Whose token it was."""
    mode: str
    """`listen`, `whisper`, `barge`, `takeover`."""
    sip_call_id: str = ""


class SupervisorMode(Event, tag="call.supervisor_mode"):
    """The supervisor does something else from now on."""

    mode: str
    by: str
    """Whose token it was, or `key`: the supervisor's own."""


class SupervisorLeft(Event, tag="call.supervisor_left"):
    """The supervisor hears the call no more."""

    who: str
    mode: str
    """The last one."""
    cause: str
    """`hung_up`, `call_ended`, `removed by …`, or what went wrong."""
    heard_s: float
    sent: int = 0
    """Packets, as the next ones."""
    received: int = 0
    lost: int = 0


class SupervisorFailed(Event, tag="call.supervisor_failed"):
    """A supervisor was called in vain: nobody has heard the call."""

    LEVEL = "warning"
    who: str
    by: str
    status: int
    """Of SIP; 0: none came."""
    cause: str
