"""Calls of an Asterisk that a server of Twilio Agent Connect has, the package as it is: it is asked
by a route's `voice_url`, its stream carries the audio, and its tools steer the call by REST. The
model behind it is our local agent."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from support.calls.api import TOKENS
from support.calls.edge import Edge
from support.media import audio
from support.peers.asterisk import Asterisk
from support.peers.asterisk_config import SPEECH
from support.peers.pbx import GREETING, heard
from support.peers.sipp import Sipp
from support.peers.voice_agent import voice_agent
from support.ports import LOOPBACK

# An agent of other people's parts takes seconds of a processor to start: few beside each other.
pytestmark = [pytest.mark.peer, pytest.mark.sound, pytest.mark.few, pytest.mark.timeout(120)]

Calls = Callable[..., Edge]

TOKEN = "0123456789abcdef0123456789abcdef"
PROGRAM = Path(__file__).parents[2] / "support" / "peers" / "connect_server.py"
SPOKEN = audio.speech(SPEECH)


@pytest.fixture
def calls(edge_factory: Callable[..., Edge], tmp_path: Path) -> Iterator[Calls]:
    """An edge whose calls such a server has. `steps`: of the model, besides its greeting."""
    with contextlib.ExitStack() as stack:

        def start(steps: str = "", target: str = f"sip:100@{LOOPBACK}") -> Edge:
            agent = voice_agent(
                edge_factory,
                tmp_path,
                PROGRAM,
                page="/twiml",
                auth_token=TOKEN,
                steps=steps,
                words=lambda model, api: [TOKEN, model, api, TOKENS["admin"], target],
            )
            edge, _ = stack.enter_context(agent)
            return edge

        yield start


def test_M5_greeting_barge_in_and_answer(asterisk: Asterisk, calls: Calls) -> None:
    edge = calls()
    asterisk.originate(f"PJSIP/trunk/{edge.uri}", "60215")
    recording = asterisk.wait_recording(40)
    received = audio.read_wav(recording.received, rate_hz=8000)
    sent = audio.read_wav(recording.sent, rate_hz=8000)
    ended = edge.wait_event("call.ended")
    interrupted = edge.wait_event("call.interrupted")
    assert interrupted["by"] == "agent", "it has sent a clear"
    greeted_ms = audio.find(GREETING[: 8 * 500], received).offset_ms
    said_ms = heard(SPOKEN, sent)
    gaps = audio.gaps(received, min_ms=audio.longest_silence_ms(GREETING) + 300)
    silence = next(gap for gap in gaps if gap.start_ms > greeted_ms)
    assert said_ms < silence.start_ms < said_ms + 2000
    assert abs(silence.start_ms - greeted_ms - interrupted["played_ms"]) < 300
    assert heard(SPOKEN, received) > said_ms + len(SPOKEN) / 8
    counters = ended["engine"]
    assert {counters[name] for name in ("unknown", "malformed", "without_stream")} == {0}


def test_its_tool_hangs_up_by_rest(asterisk: Asterisk, calls: Calls) -> None:
    edge = calls('[[steps]]\non = "speech"\ncall = [{ name = "hang_up" }]\n')
    asterisk.originate(f"PJSIP/trunk/{edge.uri}", "60245")
    ended = edge.wait_event("call.ended", timeout_s=40)
    assert (ended["end"]["by"], ended["end"]["reason"]) == ("operator", "operator_hangup")
    assert edge.wait_event("call.steered")["act"] == "hang_up"


def test_its_tool_has_the_caller_talk_to_somebody_else(
    asterisk: Asterisk, calls: Calls, sipp: Sipp
) -> None:
    target = sipp.start("uas_hang_up", pause_ms=1500)
    step = '[[steps]]\non = "speech"\ncall = [{ name = "transfer" }]\n'
    edge = calls(step, f"sip:100@{target.address}")
    asterisk.originate(f"PJSIP/trunk/{edge.uri}", "60245")
    joined = edge.wait_event("call.joined", timeout_s=40)
    ended = edge.wait_event("call.ended", timeout_s=40)
    assert joined["call_id"] == ended["call_id"]
    assert (ended["end"]["by"], ended["end"]["reason"]) == ("agent", "agent_hangup")
    assert json.dumps(ended["engine"]), "the agent's figures stay the call's"
