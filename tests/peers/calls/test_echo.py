"""Phones that send back what they hear, 15 dB down: the agent does not interrupt itself, and the
caller does. On real SIP calls, with engines that report speech and with one that does not.

The same call with `barge_in.echo = "off"` is the proof that the phone really echoes.
"""

from contextlib import ExitStack
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from support.calls.edge import Edge
from support.media import audio
from support.media.rtp_far_end import RtpFarEnd
from support.media.rtp_stream import RtpStream
from support.peers.sipp import Sipp

pytestmark = [pytest.mark.peer, pytest.mark.sound]

GREETING = audio.read_wav(audio.GREETING, rate_hz=audio.PHONE_RATE_HZ)
GREETING_MS = len(GREETING) / 8
SAID = audio.speech("caller")
SPEAKS_AT_MS = 1900
DELAYS_MS = (120, 260)


@dataclass(frozen=True, slots=True)
class EchoCall:
    heard: RtpStream
    ended: dict[str, Any]
    interrupted: list[dict[str, Any]]
    noticed: int  # times that "the caller speaks" was told


def calls(
    home: Path, config: dict[str, Any], said: audio.Pcm, length_ms: int, delays_ms: tuple[int, ...]
) -> list[EchoCall]:
    with ExitStack() as stack:
        edge = Edge(home / "edge", {**config, "record": {"numbers": "full"}})
        stack.callback(edge.close)
        sipp = Sipp(home / "sipp")
        stack.callback(sipp.close)
        ends = [
            stack.enter_context(RtpFarEnd(home, 1, said, echo_db=-15, echo_ms=delay_ms))
            for delay_ms in delays_ms
        ]
        runs = [
            sipp.start("uac_call", edge.address, media=end, pause_ms=length_ms, FROM=f"echo{n}")
            for n, end in enumerate(ends)
        ]
        for run in runs:
            run.wait()
        edge.wait_event("call.ended", count=len(ends))
        found = []
        for n, end in enumerate(ends):
            (incoming,) = [
                event for event in edge.events(name="call.incoming") if f"echo{n}@" in str(event)
            ]
            call_id = incoming["call_id"]
            (ended,) = edge.events(name="call.ended", call_id=call_id)
            found.append(
                EchoCall(
                    end.finish()[0],
                    ended,
                    edge.events(name="call.interrupted", call_id=call_id),
                    len(edge.events(name="< input_audio_buffer.speech_started", call_id=call_id)),
                )
            )
        return found


ENGINES = ("local", "local_live")


@pytest.mark.parametrize("engine", ENGINES)
def test_M5_an_echo_of_the_greeting_does_not_cut_it(tmp_path: Path, engine: str) -> None:
    config = {"engine": {"type": engine}}
    for call in calls(tmp_path, config, audio.silence(100), 5500, DELAYS_MS):
        # A frame that the test machine was too busy to send costs the piece that it was in.
        pieces = sorted(piece.score for piece in audio.find_pieces(GREETING, call.heard.pcm()))
        assert pieces[len(pieces) // 3] > 0.98
        assert (call.ended["interruptions"], call.interrupted, call.noticed) == (0, [], 0)
        echo = call.ended["echo"]
        assert echo["state"] == "echo"
        assert echo["gain_db"] == pytest.approx(-15, abs=4)
        assert echo["held_ms"] > 3000


@pytest.mark.parametrize("engine", ENGINES)
def test_M5_who_speaks_over_the_echo_interrupts(tmp_path: Path, engine: str) -> None:
    config = {"engine": {"type": engine}}
    said = np.concatenate([audio.silence(SPEAKS_AT_MS), SAID])
    for call in calls(tmp_path, config, said, 7500, DELAYS_MS[:1]):
        (cut,) = call.interrupted[:1]
        assert call.ended["interruptions"] >= 1
        heard = call.heard.pcm()
        # The caller begins with the first packet that he hears; a voice takes 60 ms to be one. Not
        # by the samples that were played: a machine that stops for 100 ms has played fewer.
        cut_at = datetime.fromisoformat(cut["ts"]).timestamp()
        cut_ms = 1000 * (cut_at - call.heard.started_at_s)
        assert SPEAKS_AT_MS < cut_ms < SPEAKS_AT_MS + 1500
        begin = round(cut_ms * 8)
        # Frames that the test machine sent late are a little later than they were counted.
        assert audio.level_dbfs(heard[begin + 8 * 120 : begin + 8 * 400]) < -50


def test_without_the_gate_the_agent_interrupts_itself(tmp_path: Path) -> None:
    config = {"barge_in": {"echo": "off"}}
    (call,) = calls(tmp_path, config, audio.silence(100), 3000, DELAYS_MS[:1])
    assert call.interrupted
    assert call.ended["interruptions"] >= 1
