"""What has come and gone in a call, for who adds up calls while they run."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import NamedTuple

from sipua.rtp.receive.stream import Stream


class Traffic(NamedTuple):
    """RTP packets since the call began."""

    sent: int = 0
    received: int = 0
    lost: int = 0
    """Of the peer's: never came."""
    late: int = 0
    """Came when they were not waited for any longer."""
    refused: int = 0
    """Datagrams that were not believed, or are no RTP."""
    skipped: int = 0
    """Frames of ours whose time had passed."""


def traffic(
    sent: int,
    past: Iterable[Mapping[str, int | float]],
    stream: Stream | None,
    dropped: Mapping[str, int],
    skipped: int,
) -> Traffic:
    """`past`: the snapshots of the peer's earlier streams."""
    received = lost = late = 0
    for one in past:
        received += int(one["received"])
        lost += int(one["lost"])
        late += int(one["late"])
    if stream is not None:
        received += stream.stats.received
        lost += stream.stats.lost
        late += stream.stats.late
    return Traffic(sent, received, lost, late, sum(dropped.values()), skipped)
