"""The events of a call whose other side puts another party in its place."""

from __future__ import annotations

from sipua.events.event import Event


class ReferProgress(Event, tag="call.refer_progress"):
    """What the party that the other side wants in its place has said so far."""

    target: str
    status: int
    reason: str


class ReferFailed(Event, tag="call.refer_failed"):
    """It was not reached; the call goes on as it was."""

    LEVEL = "warning"
    target: str
    status: int
    reason: str


class PartyChanged(Event, tag="call.party_changed"):
    """Another party is in the place of the other side, in a dialog of its own."""

    party: str | None
    """As a header of the other side names it."""
    way: str
    """`refer`: we have called it; `replaces`: it has called us."""
    sip_call_id: str


class TransferRefused(Event, tag="call.transfer_refused"):
    """A REFER, or an INVITE with Replaces, of the other side, which we refuse."""

    LEVEL = "warning"
    target: str
    """As the other side wrote it; `Replaces`: an INVITE."""
    status: int
    rule: str = ""
    """The key that says so, or what is wrong with the request."""
