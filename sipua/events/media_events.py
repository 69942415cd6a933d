"""The events of a call's sound before its answer."""

from __future__ import annotations

from sipua.events.event import Event


class EarlyMedia(Event, tag="call.early_media"):
    """The caller hears sound before the answer of its call, or of the target that it is put through
    to."""

    by: str
    """`us`: ours, behind a 183; `target`: that of the target."""
