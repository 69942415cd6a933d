"""Sound before the answer: ours to a caller, and a target's to a caller that waits for it."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from sipua.bridge.playout import sounds
from sipua.calls.steer.commands import HangUp, Transfer
from support.calls.edge import Edge
from support.calls.forwarding import forwarding
from support.calls.steered_edge import SteeredEdge
from support.calls.steered_line import Line, stretch
from support.media import audio, g711
from support.media.rtp_far_end import RtpFarEnd
from support.media.rtp_stream import RtpStream
from support.peers.sipp import Sipp
from support.ports import LOOPBACK
from support.signalling import offers

pytestmark = [pytest.mark.peer, pytest.mark.sound]

Edges = Callable[..., Edge]
SteeredEdges = Callable[..., SteeredEdge]
FarEnds = Callable[..., RtpFarEnd]

SLOW_AGENT = {"agent": {"latency_ms": 2000}, "calls": {"answer": "greeting"}}
SENTENCE = audio.speech("short")
ANNOUNCEMENT = np.concatenate([audio.speech("pbx"), audio.silence(1000)])


def trunk(**keys: Any) -> dict[str, Any]:
    return {"trunks": [{"name": "carrier", "hosts": [LOOPBACK], "early_media": True, **keys}]}


def whole(sentence: audio.Pcm, sound: audio.Pcm) -> bool:
    return audio.is_whole(sentence, sound)


def one_stream(media: RtpFarEnd) -> RtpStream:
    """Nothing breaks off when the answer comes."""
    (stream,) = media.finish()
    assert (stream.lost, len(set(stream.ssrc))) == (0, 1)
    return stream


def test_a_caller_hears_our_ringing_and_then_the_agent_in_one_stream(
    steered_edge: SteeredEdges, sipp: Sipp, far_end: FarEnds, tmp_path: Path
) -> None:
    media = far_end(1, np.concatenate([SENTENCE, audio.silence(200)]), repeat=True)
    recording = {"recording": {"when": "always", "directory": tmp_path / "recordings"}}
    edge = steered_edge(SLOW_AGENT | trunk(ringing_tone="us") | recording)
    caller = sipp.start("uac_early", edge.address, media=media)
    call_id = edge.wait_event("call.incoming")["call_id"]
    edge.wait_event("call.confirmed", call_id=call_id)
    edge.steer(call_id, HangUp("enough", after_speech=True))
    assert caller.wait(check=False).ok, str(caller.result())
    stream = one_stream(media)
    assert stream.timestamp_breaks == 0
    answered = edge.wait_event("call.answered")["ts"]
    (early,) = edge.events(name="call.early_media")
    assert early["by"] == "us"
    ringing, talk = stretch(stream, None, answered), stretch(stream, answered, None)
    assert audio.find(sounds.ringing("us")[:8000], ringing).score > 0.99
    assert len(ringing) > 1.5 * 8000
    assert audio.level_dbfs(talk) > -40, "the greeting"
    assert audio.find(sounds.ringing("us")[:8000], talk).score < 0.5
    assert edge.events(name="turn.caller") == [], "nothing was heard of the caller before"
    saved = edge.wait_event("recording.saved")
    assert saved["missed_s"] == 0
    assert saved["seconds"] * 8000 <= len(talk) + 8000, "it begins with the talk"


def test_reliably_and_where_it_cannot_be_heard_it_rings(
    steered_edge: SteeredEdges, sipp: Sipp
) -> None:
    edge = steered_edge({"agent": {"greeting": False}} | trunk(prack="preferred"))
    sipp.run("uac_early_prack", edge.address, HEADERS="Supported: 100rel", pause_ms=50)
    result = sipp.run("uac_delayed_offer", edge.address, pause_ms=50)
    assert not result.received("183")
    assert edge.events(name="call.failed") == []


def test_a_forwarded_caller_hears_why_the_target_does_not_answer(
    edge_factory: Edges, sipp: Sipp, far_end: FarEnds
) -> None:
    to_target, to_caller = far_end(1, ANNOUNCEMENT, repeat=True), far_end(1, audio.silence(20))
    target = sipp.start("uas_early_refuses", media=to_target, pause_ms=9000, STATUS="404 Not Found")
    edge = forwarding(edge_factory, target.address)
    caller = sipp.run("uac_early_refused", edge.address, media=to_caller, STATUS="404")
    assert caller.ok
    assert target.wait(check=False).ok, "the PRACK has come"
    stream = one_stream(to_caller)
    assert whole(audio.speech("pbx"), stream.pcm())
    ended = edge.wait_event("call.ended")
    assert (ended["end"]["reason"], ended["end"]["sip"]["status"]) == ("forward_failed", 404)
    (early,) = edge.events(name="call.early_media")
    assert early["by"] == "target"
    to_target.close()


def test_two_phones_ring_and_the_caller_hears_the_one_that_takes_the_call(
    edge_factory: Edges, sipp: Sipp, far_end: FarEnds
) -> None:
    """A forked call: two early dialogs, one after the other, and the second is answered."""
    first = far_end(1, ANNOUNCEMENT, repeat=True)
    second = far_end(1, SENTENCE, repeat=True, law=g711.PCMA)
    to_caller = far_end(1, np.concatenate([SENTENCE, audio.silence(500)]), repeat=True)
    target = sipp.start(
        "uas_early_forked",
        media=first,
        second=second,
        pause_ms=3200,
        FIRST=offers.offer(),
        SECOND=offers.offer("8 101", port="[field1]"),
    )
    edge = forwarding(edge_factory, target.address)
    caller = sipp.start("uac_early_then_bye", edge.address, media=to_caller, pause_ms=3200)
    assert caller.wait(check=False).ok, str(caller.result())
    assert target.wait(check=False).ok, str(target.result())
    joined = edge.wait_event("call.joined")["ts"]
    stream = one_stream(to_caller)
    assert whole(SENTENCE, stretch(stream, None, joined)), "the second one, before its answer"
    assert whole(SENTENCE, stretch(stream, joined, None))
    (heard,) = second.finish()
    assert whole(SENTENCE, heard.pcm()), "and it hears the caller"
    first.close()
    assert edge.events(name="call.failed") == []


def test_an_announcement_is_heard_in_a_transfer_and_the_agent_is_back(
    line: Callable[..., Line], sipp: Sipp, far_end: FarEnds
) -> None:
    to_target = far_end(1, ANNOUNCEMENT, repeat=True)
    target = sipp.start("uas_early_refuses", media=to_target, pause_ms=9000, STATUS="404 Not Found")
    config = {
        "agent": {"greeting": False},
        "tools": {"transfer": {"mode": "dial", "caller_hears": "early_media"}},
    }
    call = line("uac_call_ended_by_peer", config=config)
    began = call.steer(Transfer(f"sip:support@{target.address}"))
    failed = call.edge.wait_event("call.transfer_failed", timeout_s=40)
    assert (failed["cause"], failed["status"]) == ("unreachable", 404)
    call.edge.wait_event("turn.agent", timeout_s=20)
    waits = stretch(call.end(), began["ts"], failed["ts"])
    assert whole(audio.speech("pbx"), waits)
    assert call.told("call.early_media")[0]["by"] == "target"
    to_target.close()
