"""The events of queues."""

from __future__ import annotations

from sipua.events.event import Event


class QueueJoined(Event, tag="queue.joined"):
    """The call wants to be served by a queue. One `queue.left` follows."""

    queue: str
    priority: int = 0


class QueuePosition(Event, tag="queue.position"):
    """Its place in the queue has changed."""

    queue: str
    position: int
    """From 1."""
    estimated_wait_s: float | None = None
    """As far as it can be estimated."""


class QueueOffered(Event, tag="queue.offered"):
    """These members are called, all at once."""

    queue: str
    members: list[str]


class QueueConnected(Event, tag="queue.connected"):
    """A member has answered, or an agent takes the call."""

    queue: str
    waited_ms: int
    member: str | None = None
    """Missing: an agent."""
    failed: dict[str, str] | None = None
    """Members of the same offer who were not reached, with the cause."""


class QueueMissed(Event, tag="queue.missed"):
    """None of the members who were called has taken the call: it waits on, at the same place."""

    queue: str
    failed: dict[str, str]
    """With the cause of each, as in `call.transfer_failed`."""


class QueueLeft(Event, tag="queue.left"):
    """The call is in the queue no more. `reason`: `served`, a `key`, `timeout`, `full`, `empty`
    (no member is signed in), `closed`, `unknown` (the queue is not there any more), or the end of
    the call (`hangup`)."""

    queue: str
    reason: str
    waited_ms: int
    key: str | None = None
    to: str | None = None
    """What follows: as in `menu.left`."""


class MemberChanged(Event, tag="queue.member"):
    """A member has signed in or out, or is in a pause: in all queues that it is in. Of no call."""

    member: str
    """The name in the first of them."""
    queues: list[str]
    state: str
    """`signed_in`, `paused`, `signed_out`."""
    by: str
    """Whose token it was, or `dialled`."""
    reason: str | None = None
    """Of a pause."""
