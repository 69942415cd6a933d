"""A running edge places calls: it asks for them as `sipua outbound` does, and counts them."""

from collections.abc import Callable

import pytest

from sipua.calls.steer.commands import HangUp
from support.calls.steered_edge import SteeredEdge
from support.media import audio
from support.media.rtp_far_end import RtpFarEnd
from support.peers.sipp import Sipp

pytestmark = pytest.mark.peer


def test_a_call_is_placed_talks_and_is_hung_up(
    steered_edge: Callable[..., SteeredEdge], sipp: Sipp, far_end: Callable[..., RtpFarEnd]
) -> None:
    edge = steered_edge({"sip": {"max_calls": 1}})
    media = far_end(1, audio.silence(20), repeat=True)
    run = sipp.start("uas_answer", media=media, pause_ms=300)
    to = f"sip:callee@{run.address}"
    placed = edge.place(to, headers={"X-Order": "17"}, metadata={"order": "17"})
    call_id = placed["id"]
    assert edge.place(to)["status"] == "no-capacity"  # it counts, like any other
    edge.wait_event("call.confirmed", call_id=call_id)
    edge.wait_event("turn.latency", call_id=call_id)  # it greets
    assert edge.steer(call_id, HangUp("enough", after_speech=True))["status"] == "accepted"
    assert run.wait(check=False).ok, str(run.result())

    (invite,) = run.result().received("INVITE")
    assert "X-Order: 17" in invite.text
    names = [one["event"] for one in edge.events(call_id=call_id)]
    told = [name for name in names if name.startswith("call.") and name != "call.source"]
    assert told[:5] == [
        "call.placing",
        "call.invited",
        "call.progress",
        "call.media",
        "call.confirmed",
    ]
    ended = edge.wait_event("call.ended", call_id=call_id)
    assert (ended["direction"], ended["metadata"]) == ("outgoing", {"order": "17"})
    assert (ended["end"]["by"], ended["end"]["reason"]) == ("operator", "operator_hangup")
    assert edge.events(call_id=call_id, name="call.placing")[0]["by"] == "test"
    (stream,) = media.finish()
    assert audio.level_dbfs(stream.pcm()) > -60


def test_what_cannot_be_placed_is_told_at_once(
    steered_edge: Callable[..., SteeredEdge], sipp: Sipp
) -> None:
    edge = steered_edge()
    to = f"sip:callee@127.0.0.1:{edge.port + 1}"
    for order, said in (
        ({"headers": {"Route": "<sip:127.0.0.9>"}}, "may not be set"),
        ({"headers": {"X-A": "b\r\nRoute: <sip:127.0.0.9>"}}, "characters that no header"),
        ({"route": "nothing"}, "there is no route 'nothing'"),
        ({"origin": "nothing"}, "there is no account or trunk 'nothing'"),
    ):
        refused = edge.place(to, **order)
        assert refused["status"] == "invalid"
        assert said in str(refused)
    assert "number without a host" in str(edge.place("12345"))
    assert edge.events(name="call.placing") == []


def test_nobody_answers(steered_edge: Callable[..., SteeredEdge], sipp: Sipp) -> None:
    """The request's own ringing time, and the callee's CANCEL."""
    edge = steered_edge()
    run = sipp.start("uas_ring")
    placed = edge.place(f"sip:callee@{run.address}", ring_timeout_s=1)
    ended = edge.wait_event("call.ended", call_id=placed["id"], timeout_s=10)
    assert (ended["status"], ended["end"]["reason"]) == ("no_answer", "no_answer")
    assert run.wait(check=False).ok, str(run.result())
