"""M7 and the built-in tools on real calls: SIPp signals, the far end records what the caller hears,
the local agent calls tools over a real websocket."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from support.calls.edge import Edge
from support.calls.hook_server import HookServer, answer, later
from support.engine.scenarios import scenario
from support.media import audio
from support.media.rtp_far_end import RtpFarEnd
from support.media.rtp_stream import RtpStream
from support.peers.sipp import Sipp
from support.signalling import offers

pytestmark = [pytest.mark.peer, pytest.mark.sound]

Edges = Callable[..., Edge]
FarEnds = Callable[..., RtpFarEnd]

GOODBYE_WAV = audio.DATA / "speech-caller.wav"
GOODBYE = audio.speech("caller")
SHORT_WAV = audio.DATA / "speech-short.wav"
SHORT = audio.speech("short")
HEARD = 0.9  # of 1, for half a second that went through G.711 and two resamplers
STALL_MS = 1000
"""What a machine that is busy otherwise may keep the edge from sending, in all: frames whose time
went by are left out, and the timestamps say so. A tool in the audio's way costs 4 s or 5."""


def heard_at_ms(sentence: audio.Pcm, recording: audio.Pcm) -> float:
    """All of it is there, in its order; where it begins."""
    pieces = audio.find_pieces(sentence, recording)
    good = [piece.offset_ms for piece in pieces if piece.score > HEARD]
    assert len(good) >= len(pieces) * 2 / 3, [piece.score for piece in pieces]
    assert max(good) - min(good) <= STALL_MS, f"torn apart: {good}"
    return min(good)


def in_order(stream: RtpStream) -> None:
    """Every packet came, once, 20 ms of media time behind the one before."""
    assert stream.packets > 100
    assert (stream.lost, stream.duplicates, stream.reordered) == (0, 0, 0)
    steps_ms = np.diff(stream.timestamp) / 8
    assert np.all(steps_ms % 20 == 0)
    assert steps_ms.sum() - 20 * len(steps_ms) <= STALL_MS


def test_M7_a_tool_that_takes_five_seconds_never_touches_the_audio(
    edge_factory: Edges, sipp: Sipp, far_end: FarEnds, tmp_path: Path
) -> None:
    words = np.concatenate([audio.speech("pbx"), audio.silence(100), GOODBYE])
    audio.write_wav(tmp_path / "filler.wav", words, rate_hz=audio.PHONE_RATE_HZ)
    plan = scenario(
        tmp_path,
        f"""
        [[steps]]
        on = "greeting"
        call = [{{ name = "find_order", arguments = {{ order = "17" }} }}]
        call_first = true
        say_file = "{tmp_path / "filler.wav"}"

        [[steps]]
        on = "tool_result"
        say_file = "{SHORT_WAV}"
        """,
    )
    with HookServer([later(5.0, answer(200, b'{"state": "sent"}' + b" " * 1_000_000))]) as server:
        edge = edge_factory(
            {
                "agent": {"scenario": plan},
                "tools": {
                    "webhooks": [
                        {
                            "name": "find_order",
                            "description": "Looks up an order by its number.",
                            "url": f"{server.url}/find",
                            "parameters": {"type": "object", "required": ["order"]},
                        }
                    ]
                },
            }
        )
        caller = far_end(1, audio.silence(1000))
        call = sipp.start("uac_call", edge.address, media=caller, pause_ms=16_000, timeout_s=60)
        edge.wait_event("tool.done", timeout_s=30)
        call.wait()
        (stream,) = caller.finish()
    ended = edge.wait_event("call.ended")
    (done,) = edge.events(name="tool.done")
    assert done["call_id"] == ended["call_id"]
    assert done["duration_ms"] >= 5000
    assert [request.json["arguments"] for request in server.requests] == [{"order": "17"}]
    in_order(stream)
    recording = stream.pcm()
    assert heard_at_ms(words, recording) < STALL_MS
    heard_at_ms(SHORT, recording[len(words) :])  # the answer, after the tool's result
    assert ended["engine"]["audio_dropped"] == 0
    assert ended["playout"]["underruns"] == 0


def test_hang_up_after_the_goodbye_was_heard_whatever_the_caller_says_meanwhile(
    edge_factory: Edges, sipp: Sipp, far_end: FarEnds, tmp_path: Path
) -> None:
    plan = scenario(
        tmp_path,
        f"""
        [[steps]]
        on = "greeting"
        say_file = "{GOODBYE_WAV}"
        call = [{{ name = "hang_up", arguments = {{ reason = "all is said" }} }}]
        """,
    )
    edge = edge_factory({"agent": {"scenario": plan}})
    caller = far_end(1, np.concatenate([audio.silence(1200), SHORT]), repeat=True)
    sipp.run("uac_call_ended_by_peer", edge.address, media=caller)
    (stream,) = caller.finish()
    ended = edge.wait_event("call.ended")
    assert (ended["end"]["by"], ended["end"]["detail"]) == ("agent", "hang_up: all is said")
    assert ended["interruptions"] == 0
    heard_at_ms(GOODBYE, stream.pcm())
    in_order(stream)


def test_hang_up_without_a_goodbye_gets_one_first(
    edge_factory: Edges, sipp: Sipp, far_end: FarEnds, tmp_path: Path
) -> None:
    plan = scenario(
        tmp_path,
        f"""
        [[steps]]
        on = "greeting"
        call = [{{ name = "hang_up", arguments = {{}} }}]

        [[steps]]
        on = "tool_result"
        say_file = "{GOODBYE_WAV}"
        """,
    )
    edge = edge_factory({"agent": {"scenario": plan}})
    caller = far_end(1, audio.silence(1000))
    sipp.run("uac_call_ended_by_peer", edge.address, media=caller)
    (stream,) = caller.finish()
    ended = edge.wait_event("call.ended")
    assert (ended["end"]["reason"], ended["end"]["detail"]) == ("agent_hangup", "hang_up")
    heard_at_ms(GOODBYE, stream.pcm())


def test_on_hold_the_caller_hears_the_sound_until_the_other_tool_is_done(
    edge_factory: Edges, sipp: Sipp, far_end: FarEnds, tmp_path: Path
) -> None:
    plan = scenario(
        tmp_path,
        f"""
        [[steps]]
        on = "greeting"
        say_file = "{SHORT_WAV}"
        call = [
            {{ name = "find_order", arguments = {{ order = "17" }} }},
            {{ name = "put_on_hold", arguments = {{ seconds = 60 }} }},
        ]

        [[steps]]
        on = "tool_result"
        say_file = "{GOODBYE_WAV}"
        """,
    )
    music = audio.tone(600, 400)
    audio.write_wav(tmp_path / "hold.wav", music, rate_hz=audio.PHONE_RATE_HZ)
    with HookServer([later(4.0, answer(200, b"found"))]) as server:
        edge = edge_factory(
            {
                "agent": {"scenario": plan},
                "tools": {
                    "builtin": ["put_on_hold"],
                    "put_on_hold": {"sound": tmp_path / "hold.wav"},
                    "webhooks": [
                        {
                            "name": "find_order",
                            "description": "Looks up an order by its number.",
                            "url": f"{server.url}/find",
                        }
                    ],
                },
            }
        )
        # The caller speaks while on hold: not heard, so not answered.
        caller = far_end(1, np.concatenate([audio.silence(1900), SHORT]))
        sipp.run("uac_call", edge.address, media=caller, pause_ms=12_000)
        (stream,) = caller.finish()
    held = [event for event in edge.events(name="tool.done") if event["tool"] == "put_on_hold"]
    assert len(held) == 1
    recording = stream.pcm()
    said_ms = heard_at_ms(SHORT, recording)
    answered_ms = heard_at_ms(GOODBYE, recording)
    between = recording[int(said_ms * 8) + len(SHORT) + 1600 : int(answered_ms * 8) - 1600]
    assert len(between) > 8 * 1000, "the tool took longer than the sentence"
    assert audio.find(music, between).score > HEARD
    assert audio.longest_silence_ms(between) < 500, "no dead air"
    assert edge.wait_event("call.ended")["interruptions"] == 0


def test_digits_that_the_caller_types_reach_the_model_and_no_log(
    edge_factory: Edges, sipp: Sipp, far_end: FarEnds, tmp_path: Path
) -> None:
    """In-band tones, as a phone without telephone events sends them; the agent hears them, too, and
    takes them for speech."""
    plan = scenario(
        tmp_path,
        """
        [[steps]]
        on = "greeting"
        call = [{ name = "collect_digits", arguments = { max_digits = 4 } }]

        [[steps]]
        on = "any"
        call = [{ name = "hang_up", arguments = {} }]

        [[steps]]
        on = "any"
        tone_ms = 500
        """,
    )
    edge = edge_factory(
        {
            "agent": {"scenario": plan},
            "tools": {"builtin": ["collect_digits", "hang_up"]},
        }
    )
    keys = np.concatenate([audio.silence(700), *(_key(digit) for digit in "4711")])
    caller = far_end(1, keys)
    sipp.run("uac_call_ended_by_peer", edge.address, media=caller, OFFER=offers.offer("0"))
    caller.finish()
    edge.wait_event("call.ended")
    done = edge.events(name="tool.done")
    assert [event["tool"] for event in done] == ["collect_digits", "hang_up"]
    assert len(edge.events(name="call.dtmf")) == 4
    assert "4711" not in edge.log
    assert edge.events(name="tool.result"), "they are told at level debug, masked"


def _key(digit: str) -> audio.Pcm:
    rows, columns = (697, 770, 852, 941), (1209, 1336, 1477, 1633)
    at = "123A456B789C*0#D".index(digit)
    both = audio.tone(rows[at // 4], 120) // 2 + audio.tone(columns[at % 4], 120) // 2
    return np.concatenate([both.astype(np.int16), audio.silence(120)])
