"""Faults on command on real calls: the agent inside the edge fails as it was told, the log says
that it was on purpose, and the caller's conversation goes on in the next session."""

from collections.abc import Callable

import pytest

from support.calls.edge import Edge
from support.media import audio
from support.media.rtp_far_end import RtpFarEnd
from support.peers.sipp import Sipp

pytestmark = [pytest.mark.peer, pytest.mark.slow]

Edges = Callable[..., Edge]
FarEnds = Callable[..., RtpFarEnd]


@pytest.mark.parametrize(("fault", "loss"), [("drop:2", "close"), ("cut:2", "cut")])
def test_M2_a_rehearsed_loss(
    edge_factory: Edges, sipp: Sipp, far_end: FarEnds, fault: str, loss: str
) -> None:
    edge = edge_factory({"agent": {"fault": fault}})
    caller = far_end(1, audio.silence(1000))
    sipp.run("uac_call", edge.address, media=caller, pause_ms=3500, timeout_s=60)
    caller.finish()
    edge.wait_event("call.ended")
    (ended,) = edge.events(name="call.ended")
    (rehearsed,) = edge.events(name="agent.rehearsed")
    assert (rehearsed["loss"], rehearsed["call_id"]) == (loss, ended["call_id"])
    assert list(rehearsed)[:4] == list(ended)[:4] == ["ts", "level", "event", "call_id"]
    assert [event["why"] for event in edge.events(name="engine.in_use")] == [
        "first",
        "reconnected",
    ]
    assert edge.stop() == 0


def test_M2_a_rehearsed_half_open_connection_is_seen_within_ten_seconds(
    edge_factory: Edges, sipp: Sipp, far_end: FarEnds
) -> None:
    edge = edge_factory({"agent": {"fault": "freeze:1"}})
    caller = far_end(1, audio.silence(1000))
    sipp.run("uac_call", edge.address, media=caller, pause_ms=12_000, timeout_s=60)
    caller.finish()
    edge.wait_event("call.ended")
    assert edge.events(name="agent.rehearsed")[0]["loss"] == "freeze"
    assert edge.events(name="engine.in_use")[1]["why"] == "reconnected"
    assert edge.stop() == 0
    assert "Traceback" not in edge.log


def test_M6_rehearsed_garbage_is_counted_and_the_caller_is_greeted(
    edge_factory: Edges, sipp: Sipp, far_end: FarEnds
) -> None:
    edge = edge_factory({"agent": {"fault": "garbage", "mode": "tone"}})
    caller = far_end(1, audio.silence(1000))
    sipp.run("uac_call", edge.address, media=caller, pause_ms=4000, timeout_s=60)
    (stream,) = caller.finish()
    counted = edge.wait_event("call.ended")["engine"]
    for name in ("bad_json", "malformed", "unknown", "oversize", "bad_base64"):
        assert counted[name] >= 1, name
    heard = stream.pcm()
    assert audio.level_dbfs(heard) > audio.SILENCE_DBFS
    assert len(heard) > 3 * audio.PHONE_RATE_HZ
