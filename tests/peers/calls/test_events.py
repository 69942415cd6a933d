"""The events of real calls, as the log has them: their order, and whose they are."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from support.calls.edge import Edge
from support.peers.sipp import Sipp

pytestmark = pytest.mark.peer

ORDER = (
    "call.incoming",
    "call.ringing",
    "engine.in_use",
    "call.answered",
    "call.media",
    "call.confirmed",
    "call.ended",
)


def test_the_events_of_calls_come_in_the_order_of_what_happened(
    edge_factory: Callable[..., Edge], sipp: Sipp
) -> None:
    edge = edge_factory()
    for count in (1, 2):
        sipp.run("uac_call", edge.address, pause_ms=300)
        edge.wait_event("call.ended", count=count)
    calls = [event["call_id"] for event in edge.events(name="call.incoming")]
    assert len(set(calls)) == 2
    for call_id in calls:
        told = [event["event"] for event in edge.events(call_id=call_id)]
        assert (told[0], told[-1]) == ("call.incoming", "call.ended")
        assert sorted(ORDER) == sorted(name for name in told if name in ORDER), "each once"
        places = [told.index(name) for name in ORDER]
        assert places.index(min(places)) == 0
        for earlier, later in (
            ("call.incoming", "call.ringing"),
            ("call.ringing", "call.answered"),
            ("engine.in_use", "call.answered"),
            ("call.answered", "call.confirmed"),
            ("call.confirmed", "call.ended"),
        ):
            assert told.index(earlier) < told.index(later)
        (ended,) = edge.events(name="call.ended", call_id=call_id)
        assert (ended["status"], ended["end"]["by"]) == ("completed", "caller")
        assert ended["end"]["reason"] == "hangup"
        assert "fault" not in ended["end"]
        assert ended["rtp"]["sent"] > 0
    without = [event["event"] for event in edge.events() if not event.get("call_id")]
    assert not [name for name in without if name.startswith(("call.", "turn.", "engine."))]
