"""A running edge is asked to find out who answers a call that it places."""

from collections.abc import Callable

import numpy as np
import pytest

from sipua.calls.steer.commands import HangUp
from support.calls.steered_edge import SteeredEdge
from support.media import audio
from support.media.rtp_far_end import RtpFarEnd
from support.peers.sipp import Sipp
from support.process import wait_until

pytestmark = pytest.mark.peer

SPEECH = audio.speech("pbx")
MACHINE = np.concatenate([audio.silence(900), *[SPEECH, audio.silence(300)] * 5])


def test_of_one_call_and_its_events_say_so(
    steered_edge: Callable[..., SteeredEdge], sipp: Sipp, far_end: Callable[..., RtpFarEnd]
) -> None:
    edge = steered_edge()
    media = far_end(1, MACHINE)
    run = sipp.start("uas_answer", media=media, pause_ms=300)
    order = {"answering": "detect", "on_voicemail": "hangup"}
    call_id = edge.place(f"sip:callee@{run.address}", **order)["id"]
    told = edge.wait_event("call.answered_by", call_id=call_id)
    assert (told["verdict"], told["cause"]) == ("machine", "long_speech")
    assert run.wait(check=False).ok, str(run.result())
    ended = edge.wait_event("call.ended", call_id=call_id)
    assert ended["end"]["reason"] == "machine"
    assert ended["answered_by"]["verdict"] == "machine"
    (stream,) = media.finish()
    assert audio.level_dbfs(stream.pcm()) < -60, "the agent has kept quiet"


def test_without_being_asked_nothing_is_looked_for(
    steered_edge: Callable[..., SteeredEdge], sipp: Sipp, far_end: Callable[..., RtpFarEnd]
) -> None:
    edge = steered_edge({"calls": {"answering": "detect", "on_voicemail": "hangup"}})
    media = far_end(1, MACHINE)
    run = sipp.start("uas_answer", media=media, pause_ms=300)
    call_id = edge.place(f"sip:callee@{run.address}", answering="off", max_duration_s=8)["id"]
    ended = edge.wait_event("call.ended", call_id=call_id)
    assert ended["end"]["reason"] == "max_duration"
    assert edge.events(name="call.answered_by") == []
    run.wait(check=False)


def test_a_message_that_is_not_there_cannot_be_left(
    steered_edge: Callable[..., SteeredEdge], sipp: Sipp
) -> None:
    edge = steered_edge()
    refused = edge.place("sip:callee@127.0.0.1:5999", answering="detect", on_voicemail="message")
    assert refused["status"] == "invalid"
    assert "voicemail_message" in str(refused)
    assert edge.place("sip:callee@127.0.0.1:5999", answering="maybe")["status"] == "invalid"


def test_an_agent_that_talks_with_a_machine_is_told_so(
    steered_edge: Callable[..., SteeredEdge], sipp: Sipp, far_end: Callable[..., RtpFarEnd]
) -> None:
    """Its greeting for a person is not said, and the model has a word of ours about it."""
    edge = steered_edge({"calls": {"answering": "detect"}})
    media = far_end(1, MACHINE)
    run = sipp.start("uas_answer", media=media, pause_ms=300)
    call_id = edge.place(f"sip:callee@{run.address}")["id"]
    edge.wait_event("call.answered_by", call_id=call_id)
    journal = edge.file.parent / "agent.jsonl"
    wait_until(lambda: "A machine has answered the call" in journal.read_text(), 20, "our word")
    edge.steer(call_id, HangUp("enough"))
    edge.wait_event("call.ended", call_id=call_id)
    run.wait(check=False)
