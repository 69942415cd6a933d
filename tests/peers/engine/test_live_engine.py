"""Calls that end in OpenAI Live: SIPp and an RTP far end on one side, the local Live server on the
other, the edge between them. What the caller hears is judged by correlation."""

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from support.calls.edge import Edge
from support.engine import journal
from support.engine.scenarios import scenario
from support.media import audio, g711
from support.media.rtp_far_end import RtpFarEnd
from support.media.rtp_stream import RtpStream
from support.peers.sipp import Sipp, SippResult
from support.signalling import offers

pytestmark = [pytest.mark.peer, pytest.mark.sound]

GREETING = audio.read_wav(audio.GREETING, rate_hz=audio.PHONE_RATE_HZ)
GREETING_MS = len(GREETING) / 8
SAID = audio.speech("short")
SAID_MS = len(SAID) / 8
# Said when the greeting is over; answered after the silence that ends the turn.
POLITE = np.concatenate([audio.silence(GREETING_MS + 1500), SAID])
CALL_MS = round(GREETING_MS + 1500 + 2 * SAID_MS + 3000)

CALLS = {
    "PCM16": ({}, g711.PCMU),
    "G.711 as it is": ({"audio": "pcma"}, g711.PCMA),
}


@dataclass(frozen=True, slots=True)
class Conversation:
    edge: Edge
    sip: SippResult
    heard: RtpStream


@pytest.fixture(scope="module", params=CALLS)
def polite(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Conversation]:
    engine, law = CALLS[request.param]
    home = tmp_path_factory.mktemp("live")
    with ExitStack() as stack:
        yield _call(stack, home, POLITE, CALL_MS, law=law, engine=engine)


def _call(
    stack: ExitStack,
    home: Path,
    caller: audio.Pcm,
    call_ms: int,
    *,
    law: int = g711.PCMU,
    engine: dict[str, Any] | None = None,
    agent: dict[str, Any] | None = None,
    tools: dict[str, Any] | None = None,
) -> Conversation:
    config = {
        "engine": {"type": "local_live", **(engine or {})},
        "agent": {"silence_ms": 300, "journal": home / "journal.jsonl", **(agent or {})},
        "tools": tools or {},
    }
    edge = Edge(home / "edge", config)
    stack.callback(edge.close)
    sipp = Sipp(home / "sipp")
    stack.callback(sipp.close)
    end = stack.enter_context(RtpFarEnd(home, 1, caller, law=law))
    values = {"OFFER": offers.PCMA} if law == g711.PCMA else {}
    run = sipp.start("uac_call", edge.address, media=end, pause_ms=call_ms, **values)
    result = run.wait(check=False)
    heard = end.finish()[0]
    edge.wait_event("call.ended")
    assert journal.judge_client(home / "journal.jsonl") > 0
    return Conversation(edge, result, heard)


def test_the_call_goes_as_the_scenario_says(polite: Conversation) -> None:
    assert polite.sip.ok, str(polite.sip)


def test_M1_the_greeting_is_heard_whole_and_from_its_first_syllable(polite: Conversation) -> None:
    audio.assert_whole(GREETING, polite.heard.pcm())


def test_the_parrot_says_what_the_caller_said(polite: Conversation) -> None:
    after = polite.heard.pcm()[round(GREETING_MS * 8) :]
    assert audio.find(SAID, after).score > 0.95


def test_the_stream_has_no_fault(polite: Conversation) -> None:
    heard = polite.heard
    faults = (heard.lost, heard.duplicates, heard.reordered, heard.timestamp_breaks)
    assert (*faults, heard.malformed) == (0, 0, 0, 0, 0)


def test_nothing_was_misunderstood_and_the_session_was_settled(polite: Conversation) -> None:
    ended = polite.edge.wait_event("call.ended")
    engine = ended["engine"]
    assert {engine[name] for name in ("unknown", "malformed", "bad_json", "faults")} == {0}
    assert engine["silence_fed_ms"] > 0  # while it rang
    assert polite.edge.events(name="engine.unsettled") == []
    assert polite.edge.events(name="engine.error") == []


@pytest.fixture
def home(tmp_path: Path) -> Path:
    return tmp_path


def test_M5_who_talks_into_the_greeting_is_heard_at_once_and_answered(home: Path) -> None:
    """The engine does not tell that the caller speaks: we detect it, and drop what still comes."""
    words_at_ms = 2000
    rude = np.concatenate([audio.silence(words_at_ms), audio.speech("caller")])
    said = audio.speech("caller")
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
        assert ended["engine"]["cut"] >= 1


def test_M7_a_tool_is_called_by_delegation_and_spoken_about(home: Path) -> None:
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
    caller = np.concatenate([audio.silence(GREETING_MS + 1500), SAID])
    said = audio.speech("caller")
    call_ms = round(GREETING_MS + 1500 + SAID_MS + len(said) / 8 + 3500)
    with ExitStack() as stack:
        tools = {"builtin": ["get_call_info"]}
        call = _call(stack, home, caller, call_ms, agent={"scenario": plan}, tools=tools)
        assert call.sip.ok, str(call.sip)
        scores = sorted(piece.score for piece in audio.find_pieces(said, call.heard.pcm()))
        assert scores[1] > 0.9  # a machine with other things to do may lose one frame
        sent = [event["type"] for event in journal.events(home / "journal.jsonl", "client")]
        assert sent.count("response.item.create") == sent.count("response.create") == 1
