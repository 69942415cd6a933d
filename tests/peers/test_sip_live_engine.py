"""Calls that end in OpenAI Live: SIPp and an RTP far end on one side, the local Live server on the
other, the edge between them. What the caller hears is judged by correlation."""

from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from support import audio, g711, offers
from support.edge import Edge
from support.rtp_far_end import RtpFarEnd
from support.rtp_stream import RtpStream
from support.sipp import Sipp, SippResult

pytestmark = [pytest.mark.peer, pytest.mark.alone]

GREETING = audio.read_wav(
    Path(__file__).parents[2] / "bridge/agent/prompts/greeting.wav", rate_hz=audio.PHONE_RATE_HZ
)
GREETING_MS = len(GREETING) / 8
SAID = audio.speech("short")
SAID_MS = len(SAID) / 8
# Said when the greeting is over; answered after the silence that ends the turn.
POLITE = np.concatenate([audio.silence(GREETING_MS + 1500), SAID])
CALL_MS = round(GREETING_MS + 1500 + 2 * SAID_MS + 3000)

CALLS = {
    "mu-law": ({}, g711.PCMU),
    "A-law": ({}, g711.PCMA),
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
        edge = Edge(
            home / "edge",
            {"engine": {"type": "local_live", **engine}, "agent": {"silence_ms": 300}},
        )
        stack.callback(edge.close)
        sipp = Sipp(home / "sipp")
        stack.callback(sipp.close)
        end = stack.enter_context(RtpFarEnd(home, 1, POLITE, law=law))
        values = {"OFFER": offers.PCMA} if law == g711.PCMA else {}
        result = sipp.start("uac_call", edge.address, media=end, pause_ms=CALL_MS, **values).wait(
            check=False
        )
        heard = end.finish()[0]
        edge.wait_event("call.ended")
        yield Conversation(edge, result, heard)


def test_the_call_goes_as_the_scenario_says(polite: Conversation) -> None:
    assert polite.sip.ok, str(polite.sip)


def test_M1_the_greeting_is_heard_whole_and_from_its_first_syllable(polite: Conversation) -> None:
    pieces = audio.find_pieces(GREETING, polite.heard.pcm())
    spoken = [piece for piece in pieces if piece.score > 0.5]  # a pause in it matches nowhere
    assert len(spoken) >= len(pieces) - 1
    assert min(piece.score for piece in spoken) > 0.95
    offsets = [piece.offset_ms for piece in spoken]
    assert max(offsets) - min(offsets) < 1  # nothing lost, nothing doubled


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
