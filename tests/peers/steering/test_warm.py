"""A warm transfer: the target hears who waits, decides, and both sides hear what they should."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from sipua.bridge.playout import sounds
from sipua.calls.steer.commands import Transfer
from support.calls.steered_line import Line, stretch
from support.engine.scenarios import scenario
from support.media import audio
from support.media.rtp_far_end import RtpFarEnd
from support.media.rtp_stream import RtpStream
from support.peers.pbx import heard
from support.peers.sipp import Sipp, SippRun

pytestmark = [pytest.mark.peer, pytest.mark.sound]

CALLER = np.concatenate([audio.speech("short"), audio.silence(2000)])
KEY_MS = 7000
"""After its answer: the target has heard all by then."""
TARGET = np.concatenate([audio.silence(KEY_MS + 500), audio.speech("pbx")])
SILENT = audio.silence(20)
QUIET_DBFS = -60


def config(**transfer: Any) -> dict[str, Any]:
    return {
        "agent": {"greeting": False},
        "tools": {"transfer": {"mode": "warm", **transfer}},
    }


def to(run: SippRun) -> str:
    return f"sip:support@{run.address}"


def has(sentence: audio.Pcm, sound: audio.Pcm) -> bool:
    return audio.is_whole(sentence, sound)


def back_s(stream: RtpStream, ts: str) -> float:
    """From this moment to the agent's first word."""
    sound = stretch(stream, ts, None)
    loud = np.flatnonzero(np.abs(sound) > 1000)
    return float(loud[0]) / 8000 if len(loud) else float("inf")


def test_a_target_hears_who_waits_and_takes_the_call_by_a_key(
    line: Callable[..., Line], sipp: Sipp, far_end: Callable[..., RtpFarEnd]
) -> None:
    """The first number of the destination is busy: the second one is called."""
    busy = sipp.start("uas_reject", STATUS="486 Busy Here")
    media = far_end(1, TARGET)
    run = sipp.start("uas_key", media=media, KEY="1", AFTER=str(KEY_MS))
    target = {"name": "support", "to": [to(busy), to(run)]}
    call = line(
        "uac_call_ended_by_peer",
        config=config(settle_s=0.5, destinations=[target]),
        caller=CALLER,
    )
    done = call.edge.ask(f"/v1/calls/{call.call_id}/transfer", {"to": "support", "wait": True})
    assert done["status"] == "done"
    (failed,) = call.told("call.transfer_failed")
    assert (failed["cause"], failed["mode"]) == ("busy", "warm")
    (briefing,), (joined,) = call.told("call.briefing"), call.told("call.joined")
    assert (briefing["by"], joined["accepted"]) == ("text", "key 1")
    call.edge.wait_event("call.transferred", call_id=call.call_id)
    time.sleep(1.5 + len(audio.speech("pbx")) / 8000)
    to_caller = call.end()
    assert run.wait(check=False).ok, str(run.result())
    (to_target,) = media.finish()
    assert (to_target.lost, len(set(to_target.ssrc))) == (0, 1)

    briefed = stretch(to_target, None, joined["ts"])
    assert has(sounds.prompt("a-caller-waits"), briefed)
    assert has(sounds.prompt("accept-or-decline"), briefed)
    assert not has(audio.speech("short"), briefed), "the caller is not heard before"
    waits = stretch(to_caller, briefing["ts"], joined["ts"])
    assert audio.level_dbfs(waits) > QUIET_DBFS, "the hold sound"
    assert not has(sounds.prompt("accept-or-decline"), waits)
    assert list(call.told("call.transferred")[0]["phases_ms"]) == [
        *("ringing", "briefing", "briefed", "joined", "settled")
    ]
    assert has(audio.speech("pbx"), stretch(to_caller, joined["ts"], None))
    assert has(audio.speech("short"), stretch(to_target, joined["ts"], None))


def test_T1_who_declines_gives_the_caller_back_to_the_agent(
    line: Callable[..., Line], sipp: Sipp, far_end: Callable[..., RtpFarEnd], tmp_path: Path
) -> None:
    """The model tells the target who waits, and the caller hears nothing of it; then it is the
    caller's again, within a second: the best of the two."""
    media = [far_end(1, SILENT), far_end(1, SILENT)]
    runs = [sipp.start("uas_key", media=one, KEY="2", AFTER="4000") for one in media]
    rehearsal = scenario(tmp_path, '[[steps]]\non = "speak"\ntimes = 0\ntone_ms = 1000\n')
    settings = config(warm={"briefing_by": "model"}, caller_hears="silence")
    settings["agent"] = {"scenario": rehearsal}
    call = line("uac_call_ended_by_peer", config=settings)
    times = []
    for count, run in enumerate(runs, 1):
        assert call.steer(Transfer(to(run), wait=True))["status"] == "failed"
        failed = call.edge.wait_event("call.transfer_failed", count=count)
        assert (failed["cause"], failed["retryable"]) == ("declined", False)
        call.edge.wait_event("turn.agent", count=count, timeout_s=20)
        times.append(failed["ts"])
    stream = call.end()
    assert min(back_s(stream, ts) for ts in times) < 1.0
    assert call.told("call.joined") == []
    begun = call.told("call.briefing")
    assert [one["by"] for one in begun] == ["model", "model"]
    for (to_target,), briefing, back in zip((m.finish() for m in media), begun, times, strict=True):
        assert audio.level_dbfs(stretch(to_target, briefing["ts"], None)[:8000]) > QUIET_DBFS
        assert audio.level_dbfs(stretch(stream, briefing["ts"], back)) < QUIET_DBFS


def test_T1_voicemail_is_hung_up_on(
    line: Callable[..., Line], sipp: Sipp, far_end: Callable[..., RtpFarEnd]
) -> None:
    greeting = np.concatenate([audio.speech("pbx"), audio.speech("caller")] * 2)
    run = sipp.start("uas_answer", media=far_end(1, greeting), pause_ms=10)
    call = line("uac_call_ended_by_peer", config=config(warm={"accept": "answer"}))
    assert call.steer(Transfer(to(run)))["status"] == "accepted"
    failed = call.edge.wait_event("call.transfer_failed", timeout_s=30)
    assert (failed["cause"], failed["retryable"]) == ("voicemail", True)
    assert run.wait(check=False).ok, "it gets a BYE"
    call.end()
    assert call.told("call.joined") == []


def test_T2_the_caller_leaves_and_the_target_hears_one_sentence(
    line: Callable[..., Line], sipp: Sipp, far_end: Callable[..., RtpFarEnd]
) -> None:
    media = far_end(1, SILENT)
    run = sipp.start("uas_answer", media=media, pause_ms=10)
    call = line("uac_call", config=config(), pause_ms=4000)
    assert call.steer(Transfer(to(run)))["status"] == "accepted"
    call.edge.wait_event("call.briefing")
    assert call.run.wait(check=False).ok
    assert run.wait(check=False).ok, "a BYE, behind the sentence"
    failed = call.edge.wait_event("call.transfer_failed")
    assert failed["cause"] == "caller_left"
    (to_target,) = media.finish()
    heard(sounds.prompt("caller-gone"), to_target.pcm())
    assert call.edge.wait_event("call.ended")["end"]["by"] == "caller"
    assert call.edge.events(name="call.failed") == []


def test_T1_a_target_talks_with_an_agent_and_decides(
    line: Callable[..., Line], sipp: Sipp, far_end: Callable[..., RtpFarEnd], tmp_path: Path
) -> None:
    """The first one declines, and the caller's agent tells it within a second; the second one takes
    the call. The caller hears nothing of either talk, and its agent hears neither target."""
    hello = np.concatenate([audio.speech("short"), audio.silence(30_000)])
    media = [far_end(1, hello), far_end(1, hello)]
    runs = [sipp.start("uas_answer", media=one, pause_ms=10) for one in media]
    rehearsal = scenario(
        tmp_path,
        """
        [[steps]]
        on = "speak"
        times = 0
        tone_ms = 1000
        [[steps]]
        on = "speech"
        scope = "server"
        tone_ms = 1000
        call = [{ name = "decline_transfer", arguments = { reason = "at lunch" } }]
        [[steps]]
        on = "speech"
        times = 0
        tone_ms = 1000
        call = [{ name = "accept_transfer" }]
        """,
    )
    settings = config(warm={"briefing_by": "agent"}, caller_hears="silence", settle_s=0.5)
    settings["agent"] = {"scenario": rehearsal}
    call = line("uac_call_ended_by_peer", config=settings)
    done = [call.steer(Transfer(to(runs[0]), wait=True))]
    call.edge.wait_event("turn.agent", timeout_s=20)
    done.append(call.steer(Transfer(to(runs[1]), wait=True)))
    assert [one["status"] for one in done] == ["failed", "done"]
    (failed,), (joined,) = call.told("call.transfer_failed"), call.told("call.joined")
    assert (failed["cause"], failed["reason"]) == ("declined", "agent: at lunch")
    assert joined["accepted"] == "agent"
    assert runs[0].wait(check=False).ok, "it gets a BYE"
    begun = call.told("call.briefing")
    assert [one["by"] for one in begun] == ["agent", "agent"]
    assert call.told("turn.caller") == [], "no target is taken for the caller"
    to_caller = call.end()
    assert runs[1].wait(check=False).ok
    assert back_s(to_caller, failed["ts"]) < 1.0
    for one, briefing, over in zip(media, begun, (failed, joined), strict=True):
        (to_target,) = one.finish()
        talk = stretch(to_target, briefing["ts"], over["ts"])
        assert audio.level_dbfs(talk) > QUIET_DBFS, "the agent"
        assert audio.level_dbfs(stretch(to_caller, briefing["ts"], over["ts"])) < QUIET_DBFS


def test_a_target_takes_the_call_by_a_word(
    line: Callable[..., Line], sipp: Sipp, far_end: Callable[..., RtpFarEnd], tmp_path: Path
) -> None:
    """The local agent writes each turn down as "[1.3 s of speech]": these are the words. The hello
    has them, too, and is no answer."""
    keys = tmp_path / "keys.wav"
    audio.write_wav(keys, audio.tone(800, 300), rate_hz=8000)
    said = audio.speech("short")
    media = far_end(1, np.concatenate([said, audio.silence(8000), said, audio.silence(30_000)]))
    run = sipp.start("uas_answer", media=media, pause_ms=10)
    warm = {"accept": "word", "accept_words": ["of speech"], "keys_file": str(keys)}
    settings = config(warm=warm, settle_s=0.5)
    settings["engine"] = {"transcription": "any"}
    call = line("uac_call_ended_by_peer", config=settings)
    assert call.steer(Transfer(to(run), wait=True))["status"] == "done"
    (briefing,), (joined,) = call.told("call.briefing"), call.told("call.joined")
    assert joined["accepted"].endswith("s of speech")
    assert call.told("turn.caller") == [], "the target is not taken for the caller"
    call.end()
    assert run.wait(check=False).ok
    (to_target,) = media.finish()
    heard_first = stretch(to_target, briefing["ts"], joined["ts"])
    assert has(sounds.prompt("a-caller-waits"), heard_first), "nothing cuts it off"
