"""Calls that end in Gemini Live: SIPp and an RTP far end on one side, the local agent as Gemini on
the other, the edge between them. What the caller hears is judged by correlation."""

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from sipua.bridge.engines.gemini_live.notes import HEARD_ONLY
from support.calls.edge import Edge
from support.engine import journal
from support.engine.scenarios import scenario
from support.media import audio
from support.media.rtp_far_end import RtpFarEnd
from support.media.rtp_stream import RtpStream
from support.peers.sipp import Sipp, SippResult

pytestmark = [pytest.mark.peer, pytest.mark.sound]

GREETING = audio.read_wav(audio.GREETING, rate_hz=audio.PHONE_RATE_HZ)
GREETING_MS = len(GREETING) / 8
SAID = audio.speech("short")
SAID_MS = len(SAID) / 8
# Said when the greeting is over; answered after the silence that ends the turn.
POLITE = np.concatenate([audio.silence(GREETING_MS + 1500), SAID])
CALL_MS = round(GREETING_MS + 1500 + 2 * SAID_MS + 2500)


@dataclass(frozen=True, slots=True)
class Conversation:
    edge: Edge
    sip: SippResult
    heard: RtpStream
    journal: Path


def _call(
    stack: ExitStack,
    home: Path,
    caller: audio.Pcm,
    call_ms: int,
    **config: dict[str, Any],
) -> Conversation:
    path = home / "journal.jsonl"
    engine = {"type": "local_gemini", "connect_timeout_s": 20, **config.pop("engine", {})}
    agent = {"silence_ms": 300, "journal": path, **config.pop("agent", {})}
    edge = Edge(home / "edge", {"engine": engine, "agent": agent, **config})
    stack.callback(edge.close)
    sipp = Sipp(home / "sipp")
    stack.callback(sipp.close)
    end = stack.enter_context(RtpFarEnd(home, 1, caller))
    run = sipp.start("uac_call", edge.address, media=end, pause_ms=call_ms)
    result = run.wait(check=False)
    heard = end.finish()[0]
    edge.wait_event("call.ended")
    assert journal.judge_client(path) > 0
    return Conversation(edge, result, heard, path)


@pytest.fixture(scope="module")
def polite(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Conversation]:
    with ExitStack() as stack:
        yield _call(stack, tmp_path_factory.mktemp("gemini"), POLITE, CALL_MS)


def test_the_call_goes_as_the_scenario_says(polite: Conversation) -> None:
    assert polite.sip.ok, str(polite.sip)


def test_M1_the_greeting_is_heard_whole_and_from_its_first_syllable(polite: Conversation) -> None:
    audio.assert_whole(GREETING, polite.heard.pcm())


def test_the_parrot_says_what_the_caller_said(polite: Conversation) -> None:
    after = polite.heard.pcm()[round(GREETING_MS * 8) :]
    assert audio.find(SAID, after).score > 0.95


def test_nothing_was_misunderstood_and_the_cost_was_told(polite: Conversation) -> None:
    ended = polite.edge.wait_event("call.ended")
    engine = ended["engine"]
    assert {engine[name] for name in ("unknown", "malformed", "bad_json", "bad_format")} == {0}
    assert polite.edge.events(name="engine.error") == []
    (setup, *_) = _sent(polite)
    assert setup["setup"]["model"] == "models/gemini-3.8-live"


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path


def test_M5_who_talks_into_the_greeting_is_heard_at_once_and_answered(home: Path) -> None:
    """All of the greeting has been sent long before: our own detection silences it, and the server
    is told what was not heard."""
    words_at_ms = 2000
    said = audio.speech("caller")
    rude = np.concatenate([audio.silence(words_at_ms), said])
    with ExitStack() as stack:
        call = _call(stack, home, rude, round(words_at_ms + 2 * len(said) / 8 + 3500))
        assert call.sip.ok, str(call.sip)
        pieces = audio.find_pieces(GREETING, call.heard.pcm())
        assert pieces[0].score > 0.9
        assert pieces[-1].score < 0.5  # was never heard
        scores = sorted(p.score for p in audio.find_pieces(said[8000:], call.heard.pcm()))
        assert scores[len(scores) // 3] > 0.9  # a lost frame spoils a piece of it, not the answer
        ended = call.edge.wait_event("call.ended")
        assert ended["interruptions"] >= 1
        told = [one.get("realtimeInput", {}).get("text", "") for one in _sent(call)]
        assert any(HEARD_ONLY in text for text in told)


def _sent(call: Conversation) -> list[dict[str, Any]]:
    return journal.events(call.journal, "client")


def test_M7_a_tool_is_called_and_spoken_about(home: Path) -> None:
    news = audio.DATA / "speech-caller.wav"
    plan = scenario(
        home,
        f"""
        [[steps]]
        on = "speech"
        call = [{{ name = "get_call_info", arguments = {{}} }}]

        [[steps]]
        on = "tool_result"
        say_file = "{news}"
        """,
    )
    said = audio.speech("caller")
    call_ms = round(GREETING_MS + 1500 + SAID_MS + len(said) / 8 + 3500)
    with ExitStack() as stack:
        tools = {"builtin": ["get_call_info"]}
        call = _call(stack, home, POLITE, call_ms, agent={"scenario": plan}, tools=tools)
        assert call.sip.ok, str(call.sip)
        scores = sorted(piece.score for piece in audio.find_pieces(said, call.heard.pcm()))
        assert scores[1] > 0.9  # a machine with other things to do may lose one frame
        assert sum("toolResponse" in one for one in _sent(call)) == 1


def test_M2_a_session_that_is_lost_in_silence_is_followed_by_one_with_its_handle(
    home: Path,
) -> None:
    """And the conversation goes on: the answer comes from the second one."""
    wait_ms = 6000
    late = np.concatenate([audio.silence(GREETING_MS + wait_ms), SAID])
    call_ms = round(GREETING_MS + wait_ms + 2 * SAID_MS + 2500)
    plan = scenario(
        home,
        """
        [[steps]]
        on = "time"
        at_s = 6
        close = 1011
        scope = "server"
        """,
    )
    with ExitStack() as stack:
        call = _call(stack, home, late, call_ms, agent={"scenario": plan})
        assert call.sip.ok, str(call.sip)
        setups = [one["setup"] for one in _sent(call) if "setup" in one]
        assert [bool(one["sessionResumption"]) for one in setups] == [False, True]
        after = call.heard.pcm()[round((GREETING_MS + wait_ms) * 8) :]
        assert audio.is_whole(SAID, after)
