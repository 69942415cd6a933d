"""What an operator does to a running call, judged by what the far end hears and by the wire."""

import shutil
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from sipua.bridge.playout import sounds
from sipua.calls.steer.commands import (
    HangUp,
    Inject,
    Mute,
    Play,
    PressKeys,
    Say,
    SetMetadata,
    Transfer,
)
from support.calls.steered_line import Line, stretch
from support.media import audio
from support.ports import LOOPBACK

pytestmark = [pytest.mark.peer, pytest.mark.sound]

SAID = audio.speech("short")
TALKS = np.concatenate([SAID, audio.silence(1500)])
GREETING_MS = 2000
QUIET_DBFS = -60


def test_a_muted_agent_is_not_heard_and_knows_it(line: Callable[..., Line]) -> None:
    """What it was saying is cut off where it was heard, and so is each answer that it begins."""
    call = line("uac_call_ended_by_peer", config={}, caller=TALKS)  # with a greeting
    call.edge.wait_event("turn.latency")
    muted = call.steer(Mute("agent", True))
    assert muted["status"] == "done"
    call.edge.wait_event("call.interrupted", count=2)
    assert call.steer(Say("hello"))["detail"] == "the agent is muted: it would not be heard"
    time.sleep(1)
    heard_again = call.steer(Mute("agent", False))
    cut = call.told("call.interrupted")
    assert {one["by"] for one in cut} == {"operator"}
    assert cut[0]["played_ms"] > 0
    assert {one["played_ms"] for one in cut[1:]} == {0}
    call.edge.wait_event("turn.latency", count=2)
    time.sleep(0.5)
    stream = call.end()
    silent = stretch(stream, muted["ts"], heard_again["ts"])[8 * 200 :]
    assert audio.level_dbfs(silent) < QUIET_DBFS
    assert audio.level_dbfs(stretch(stream, heard_again["ts"], None)) > QUIET_DBFS
    assert stream.spacing_ms.max() < 500  # silence is sent


def test_a_muted_caller_is_not_listened_to(line: Callable[..., Line]) -> None:
    call = line("uac_call_ended_by_peer", caller=TALKS)
    call.edge.wait_event("turn.caller")
    call.steer(Mute("caller", True))
    time.sleep(0.5)
    before = len(call.told("turn.caller"))
    time.sleep(2 * len(TALKS) / 8000)
    assert len(call.told("turn.caller")) <= before + 1  # what it was saying then
    call.steer(Mute("caller", False))
    call.edge.wait_event("turn.caller", count=before + 2)
    call.end()
    uplink = call.told("call.ended")[0]["uplink"]
    assert uplink["concealed_ms"] < 500  # its packets were taken all the time


def test_keys_arrive(line: Callable[..., Line]) -> None:
    call = line("uac_call_ended_by_peer")
    assert call.steer(PressKeys("42#"))["status"] == "accepted"
    time.sleep(1.2)
    stream = call.end()
    events = [payload[0] for payload in stream.payloads if len(payload) == 4]
    assert list(dict.fromkeys(events)) == [4, 2, 11]
    (steered,) = [one for one in call.told("call.steered") if one["act"] == "press_keys"]
    assert steered["size"] == 3
    assert "42#" not in str(steered)


def test_a_file_is_played_and_one_of_ours(line: Callable[..., Line], tmp_path: Path) -> None:
    folder = tmp_path / "sounds"
    folder.mkdir()
    data = Path(__file__).parents[2] / "data" / "speech-operator.wav"
    shutil.copy(data, folder / "operator.wav")
    config = {"agent": {"greeting": False}, "calls": {"sounds": str(folder)}}
    call = line("uac_call_ended_by_peer", config=config)
    assert call.steer(Play("../edge.toml"))["status"] == "not-found"
    assert call.steer(Play("operator.wav"))["status"] == "accepted"
    assert call.steer(Play("sorry"))["status"] == "accepted"
    played = audio.speech("operator")
    time.sleep((len(played) + len(sounds.prompt("sorry"))) / 8000 + 1)
    stream = call.end()
    heard = stream.pcm()
    assert audio.is_in(played, heard)
    assert audio.is_in(sounds.prompt("sorry"), heard)


def test_the_engine_says_a_text_and_is_told_one(line: Callable[..., Line]) -> None:
    call = line("uac_call_ended_by_peer")
    assert call.steer(Say("Please hold the line."))["status"] == "accepted"
    call.edge.wait_event("> response.create")
    assert call.steer(Inject("system", "The order is late."))["status"] == "done"
    assert call.steer(Inject("user", "Where is it?", respond=True))["status"] == "done"
    call.edge.wait_event("> conversation.item.create", count=2)
    call.edge.wait_event("> response.create", count=2)
    call.end()
    told = str(call.told("call.steered"))
    assert "Please hold" not in told
    assert "late" not in told


def test_metadata_is_on_the_end_of_the_call(line: Callable[..., Line]) -> None:
    call = line("uac_call_ended_by_peer")
    assert call.steer(SetMetadata({"order": "17", "queue": "a"}))["values"] == {
        "order": "17",
        "queue": "a",
    }
    assert call.steer(SetMetadata({"queue": ""}))["values"] == {"order": "17"}
    too_many = {f"n{number}": "x" for number in range(32)}
    assert call.steer(SetMetadata(too_many))["status"] == "wrong-state"
    call.end()
    assert call.told("call.ended")[0]["metadata"] == {"order": "17"}


def test_a_hang_up_waits_for_what_is_being_said(line: Callable[..., Line]) -> None:
    call = line("uac_call_ended_by_peer", config={}, caller=TALKS)
    call.edge.wait_event("turn.latency")
    call.end(HangUp("enough", after_speech=True))
    (ended,) = call.told("call.ended")
    assert ended["end"]["detail"] == "test: enough"
    assert call.told("call.interrupted") == []  # the caller speaks all the time
    assert [one.get("cut") for one in call.told("turn.agent")] == [None]


def test_a_transfer_by_an_operator(line: Callable[..., Line]) -> None:
    call = line("uac_is_transferred")
    done = call.steer(Transfer(f"sip:colleague@{LOOPBACK}", wait=True))
    assert (done["status"], done["values"]["status"]) == ("done", 200)
    assert call.run.wait(check=False).ok, str(call.run.result())
    end = call.edge.wait_event("call.ended")["end"]
    assert (end["by"], end["reason"]) == ("operator", "transferred")


def test_a_call_that_is_not_there(line: Callable[..., Line]) -> None:
    call = line("uac_call_ended_by_peer")
    assert call.edge.steer("c-nothing", HangUp())["status"] == "no-call"
    assert call.steer(PressKeys("x"))["status"] == "invalid"
    call.end()
    assert call.steer(Mute("agent", True))["status"] == "call-ended"
