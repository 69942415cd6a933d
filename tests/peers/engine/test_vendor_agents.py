"""Calls that end in a vendor's agent: SIPp and an RTP far end on one side, a local server in the
part of Deepgram or ElevenLabs on the other, the edge between them. What each side hears is judged
by correlation, and all that the server is told by the vendor's own package."""

import base64
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest

from support.calls.edge import Edge
from support.engine.vendor_agent import (
    SIGNATURE,
    Conversation,
    Deepgram,
    Dialect,
    ElevenLabs,
    signs,
    vendor_agent,
)
from support.media import audio, g711
from support.media.rtp_far_end import RtpFarEnd
from support.media.rtp_stream import RtpStream
from support.peers.sipp import Sipp, SippResult

pytestmark = [pytest.mark.peer, pytest.mark.sound]

KEY = "vendor-secret-key"
GREETING = audio.read_wav(audio.GREETING, rate_hz=audio.PHONE_RATE_HZ)
GREETING_MS = len(GREETING) / 8
SAID = audio.speech("short")
SAID_MS = len(SAID) / 8
ANSWER = audio.speech("caller")
ANSWER_MS = len(ANSWER) / 8
RUDE_AT_MS = 1000
RUDE = np.concatenate([audio.silence(RUDE_AT_MS), SAID])
CALL_MS = round(RUDE_AT_MS + SAID_MS + ANSWER_MS + 4000)
LOUD = 1000


def caller_has_spoken(talk: Conversation) -> bool:
    """Half a second of what was heard is loud, as nothing before the caller's words is."""
    heard = g711.decode(g711.PCMU, bytes(talk.heard))
    return int((np.abs(heard) > LOUD).sum()) > 400


def mulaw(pcm: audio.Pcm) -> bytes:
    return g711.encode(g711.PCMU, pcm)


def deepgram(talk: Conversation) -> None:
    def says(words: str, pcm: audio.Pcm) -> None:
        talk.say("ConversationText", role="assistant", content=words)
        sound = mulaw(pcm)
        for start in range(0, len(sound), 1500):
            talk.say_raw(sound[start : start + 1500])

    talk.say("Welcome", request_id="req_1")
    talk.wait_for("Settings")
    talk.say("SettingsApplied")
    asked = talk.wait_for("InjectUserMessage")
    talk.say("ConversationText", role="user", content=asked["content"])
    says("Hello.", GREETING)
    talk.wait(lambda: caller_has_spoken(talk))
    talk.say("UserStartedSpeaking")
    talk.say_raw(mulaw(GREETING))  # that was on its way
    talk.say("AgentAudioDone")
    talk.say("ConversationText", role="user", content="What is your name?")
    function = {"id": "f1", "name": "get_call_info", "arguments": "{}", "client_side": True}
    talk.say("FunctionCallRequest", functions=[function])
    talk.wait_for("FunctionCallResponse")
    says("I have no name.", ANSWER)
    talk.say("AgentAudioDone")
    talk.wait_over()


def elevenlabs(talk: Conversation) -> None:
    def says(words: str, pcm: audio.Pcm, number: int) -> None:
        response = {"agent_response": words, "event_id": number}
        talk.say("agent_response", agent_response_event=response)
        sound = mulaw(pcm)
        for start in range(0, len(sound), 1500):
            piece = base64.b64encode(sound[start : start + 1500]).decode()
            talk.say("audio", audio_event={"audio_base_64": piece, "event_id": number})

    talk.wait_for("conversation_initiation_client_data")
    told = {"agent_output_audio_format": "ulaw_8000", "user_input_audio_format": "ulaw_8000"}
    about = {"conversation_id": "conv_1", **told}
    talk.say("conversation_initiation_metadata", conversation_initiation_metadata_event=about)
    talk.say("ping", ping_event={"event_id": 1, "ping_ms": 20})
    says("Hello.", GREETING, 1)
    talk.wait(lambda: caller_has_spoken(talk))
    talk.say("interruption", interruption_event={"event_id": 1})
    says("Hello.", GREETING, 1)  # that was on its way
    said = {"user_transcript": "What is your name?", "event_id": 2}
    talk.say("user_transcript", user_transcription_event=said)
    call = {"tool_name": "get_call_info", "tool_call_id": "t1", "parameters": {}, "event_id": 3}
    talk.say("client_tool_call", client_tool_call=call)
    talk.wait_for("client_tool_result")
    says("I have no name.", ANSWER, 4)
    talk.wait_for("pong")
    talk.wait_over()


AGENTS: dict[str, tuple[type[Dialect], Callable[[Conversation], None], dict[str, Any]]] = {
    "deepgram_agent": (Deepgram, deepgram, {"api_key": KEY}),
    "elevenlabs_agent": (
        ElevenLabs,
        elevenlabs,
        {"agent_id": "agent_1", "api_key": KEY, "parameters": {"from": "{{caller}}"}},
    ),
}


@dataclass(frozen=True, slots=True)
class Call:
    kind: str
    edge: Edge
    talk: Conversation
    sip: SippResult
    heard: RtpStream


@pytest.fixture(scope="module", params=AGENTS)
def call(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Call]:
    dialect, script, section = AGENTS[request.param]
    home = tmp_path_factory.mktemp("vendor")
    with ExitStack() as stack:
        agent = stack.enter_context(
            vendor_agent(dialect, script, answers=signs(lambda: agent, KEY))
        )
        config: dict[str, Any] = {
            "engine": {"type": request.param, "url": agent.url, **section},
            "tools": {"builtin": ["get_call_info"]},
        }
        edge = Edge(home / "edge", config)
        stack.callback(edge.close)
        sipp = Sipp(home / "sipp")
        stack.callback(sipp.close)
        end = stack.enter_context(RtpFarEnd(home, 1, RUDE))
        run = sipp.start("uac_call", edge.address, media=end, pause_ms=CALL_MS)
        result = run.wait(check=False)
        heard = end.finish()[0]
        edge.wait_event("call.ended")
        yield Call(request.param, edge, agent.conversation(), result, heard)


def test_the_call_goes_as_the_scenario_says(call: Call) -> None:
    assert call.sip.ok, str(call.sip)


def test_M1_the_greeting_is_heard_from_its_first_syllable(call: Call) -> None:
    pieces = audio.find_pieces(GREETING, call.heard.pcm())
    assert pieces[0].score > 0.95


def test_M5_the_greeting_is_cut_off_and_nothing_of_it_comes_back(call: Call) -> None:
    pieces = audio.find_pieces(GREETING, call.heard.pcm())
    assert pieces[-1].score < 0.5
    assert call.edge.wait_event("call.ended")["interruptions"] == 1
    assert call.edge.wait_event("call.ended")["engine"]["late_deltas"] > 0


def test_M7_the_answer_after_the_tool_is_heard_whole(call: Call) -> None:
    pieces = audio.find_pieces(ANSWER, call.heard.pcm())
    scores = sorted(piece.score for piece in pieces)
    assert scores[1] > 0.9  # a machine with other things to do may lose one frame


def test_the_agent_is_told_of_the_call(call: Call) -> None:
    first = call.talk.messages[0]
    if call.kind == "deepgram_agent":
        assert first["agent"]["think"]["prompt"].startswith("You are a friendly")
        (function,) = first["agent"]["think"]["functions"]
        assert function["name"] == "get_call_info"
    else:
        assert "conversation_config_override" not in first  # nothing of it was written
        assert first["dynamic_variables"]["direction"] == "incoming"
        assert first["dynamic_variables"]["from"] == first["dynamic_variables"]["caller"]


def test_g711_crosses_as_it_is(call: Call) -> None:
    assert audio.find(SAID, g711.decode(g711.PCMU, bytes(call.talk.heard))).score > 0.95


def test_nothing_was_misunderstood(call: Call) -> None:
    engine = call.edge.wait_event("call.ended")["engine"]
    assert {engine[name] for name in ("unknown", "malformed", "bad_json", "faults")} == {0}
    assert call.edge.events(name="engine.error") == []


def test_the_key_is_in_no_log(call: Call) -> None:
    assert KEY not in call.edge.log
    assert SIGNATURE not in call.edge.log
