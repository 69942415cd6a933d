import base64
import json
from typing import Any, Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sipua.bridge.engine_api.events import (
    AudioDelta,
    AudioDone,
    CallerIdle,
    RateLimit,
    RateLimits,
    ResponseDone,
    ResponseStarted,
    SessionReady,
    SpeechStarted,
    SpeechStopped,
    Transcript,
    TranscriptFailed,
    Unreadable,
    Usage,
    Used,
)
from sipua.bridge.engine_api.settings import AudioFormat
from support.engine.realtime_engine import (
    PCM_20_MS,
    all_sent,
    delta,
    one,
    response,
    sent,
    server_event,
    session,
    session_event,
    talking,
)
from support.engine.realtime_types import accepted_client_event

# Start


def test_the_configuration_answers_session_created_once_and_ready_follows_once() -> None:
    engine = session(instructions="Be kind.", voice="marin")
    assert list(engine.start()) == []
    assert list(engine.receive(session_event("created"))) == []
    update = sent(engine.take_outgoing())
    assert update["type"] == "session.update"
    assert update["session"]["instructions"] == "Be kind."
    assert list(engine.take_outgoing()) == []
    assert one(engine.receive(session_event("updated"))) == SessionReady("sess_1")
    assert list(engine.receive(session_event("updated"))) == []
    assert list(engine.receive(session_event("created"))) == []
    assert list(engine.take_outgoing()) == []


@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"voice": {"id": "voice_1234"}, "speed": 1.2, "max_output_tokens": "inf"},
        {"turn_detection": None, "max_output_tokens": 100},
        {"turn_detection": {"type": "semantic_vad", "eagerness": "low"}},
        {"turn_detection": {"idle_timeout_ms": 6000, "create_response": False}},
        {"transcription": {"model": "whisper-1", "language": "de", "prompt": "names"}},
        {"noise_reduction": {"type": "near_field"}},
        {
            "tools": [
                {
                    "type": "function",
                    "name": "hang_up",
                    "description": "Ends the call.",
                    "parameters": {"type": "object", "properties": {}},
                },
                {"type": "mcp", "server_label": "docs", "server_url": "https://example.net/mcp"},
            ],
            "tool_choice": "required",
        },
        {"tool_choice": {"type": "function", "name": "hang_up"}},
        {"audio": AudioFormat.PCMU, "parallel_tool_calls": False, "reasoning_effort": "low"},
        {"audio": AudioFormat.PCMA, "parallel_tool_calls": True},
    ],
)
def test_every_session_that_can_be_configured_is_valid(settings: dict[str, Any]) -> None:
    engine = session(**settings)
    engine.receive(session_event("created"))
    assert sent(engine.take_outgoing())["type"] == "session.update"


# Audio to the server


@given(st.binary(max_size=2000))
def test_append_is_valid_and_carries_the_audio(pcm: bytes) -> None:
    event = accepted_client_event(session().append_audio(pcm))
    assert event["type"] == "input_audio_buffer.append"
    assert base64.b64decode(event["audio"], validate=True) == pcm


def test_append_is_what_a_json_library_writes() -> None:
    audio = base64.b64encode(PCM_20_MS).decode()
    expected = {"type": "input_audio_buffer.append", "audio": audio}
    assert session().append_audio(PCM_20_MS) == json.dumps(expected, separators=(",", ":")).encode()


# Audio from the server


def test_a_delta_is_decoded() -> None:
    engine = session()
    assert one(engine.receive(delta("item_1", PCM_20_MS, content_index=1))) == AudioDelta(
        "item_1", 1, PCM_20_MS
    )
    done = server_event("response.output_audio.done", item_id="item_1")
    assert one(engine.receive(done)) == AudioDone("item_1")


def test_text_messages_are_read_as_str_too() -> None:
    assert one(session().receive(delta("item_1", PCM_20_MS).decode()))


def test_an_item_without_audio_has_no_end() -> None:
    done = server_event("response.output_audio.done", item_id="item_1")
    assert list(session().receive(done)) == []


@pytest.mark.parametrize("text", ["A", "AAA", "AA=A", "?AAA", "AAAA\n", "äöüß", "AAAA AAAA"])
def test_M6_bad_base64_is_counted_and_the_item_goes_on(text: str) -> None:
    engine = session()
    broken = server_event("response.output_audio.delta", item_id="item_1", delta=text)
    assert list(engine.receive(broken)) == [Unreadable("bad_base64", len(text))]
    assert engine.counters()["bad_base64"] == 1
    assert one(engine.receive(delta("item_1", PCM_20_MS)))


def test_an_empty_delta_is_nothing() -> None:
    assert list(session().receive(delta("item_1", b""))) == []


# Turns


def test_speech_events() -> None:
    engine = session()
    started = server_event(
        "input_audio_buffer.speech_started", item_id="item_9", audio_start_ms=1200
    )
    stopped = server_event("input_audio_buffer.speech_stopped", item_id="item_9", audio_end_ms=1900)
    assert one(engine.receive(started)) == SpeechStarted("item_9", 1200)
    assert one(engine.receive(stopped)) == SpeechStopped("item_9", 1900)


def test_a_response_from_start_to_end() -> None:
    engine = session()
    assert one(engine.receive(response("created", "resp_1"))) == ResponseStarted("resp_1")
    done = response("done", "resp_1", status="completed")
    assert one(engine.receive(done)) == ResponseDone("resp_1", "completed")


@pytest.mark.parametrize(
    ("status", "details", "detail"),
    [
        ("cancelled", {"type": "cancelled", "reason": "turn_detected"}, "turn_detected"),
        ("incomplete", {"reason": "max_output_tokens"}, "max_output_tokens"),
        (
            "failed",
            {"type": "failed", "error": {"code": "rate_limit_exceeded", "message": "Slow down."}},
            "rate_limit_exceeded: Slow down.",
        ),
        ("failed", {"error": {"type": "server_error"}}, "server_error"),
        ("failed", {}, ""),
    ],
)
def test_why_a_response_did_not_complete(status: str, details: dict[str, Any], detail: str) -> None:
    engine = session()
    done = response("done", "resp_1", status=status, status_details=details)
    assert one(engine.receive(done)) == ResponseDone("resp_1", status, detail)


def test_transcripts_of_both_sides() -> None:
    engine = session()
    said = "conversation.item.input_audio_transcription"
    spoken = "response.output_audio_transcript"
    usage = {"type": "duration", "seconds": 1.5}
    events = [
        server_event(f"{said}.delta", item_id="item_1", delta="Good"),
        server_event(f"{said}.completed", item_id="item_1", transcript="Good day.", usage=usage),
        server_event(f"{spoken}.delta", item_id="item_2", delta="Hel"),
        server_event(f"{spoken}.done", item_id="item_2", transcript="Hello."),
    ]
    assert [event for message in events for event in engine.receive(message)] == [
        Transcript("item_1", "user", "Good", final=False),
        Transcript("item_1", "user", "Good day.", final=True),
        Used(Usage(seconds=1.5), "transcription"),
        Transcript("item_2", "assistant", "Hel", final=False),
        Transcript("item_2", "assistant", "Hello.", final=True),
    ]
    assert list(engine.receive(server_event(f"{said}.delta", item_id="item_1"))) == []


def test_a_transcription_that_failed() -> None:
    failed = server_event(
        "conversation.item.input_audio_transcription.failed",
        item_id="item_1",
        error={"code": "audio_unintelligible", "message": "Not a word."},
    )
    assert one(session().receive(failed)) == TranscriptFailed(
        "item_1", "audio_unintelligible: Not a word."
    )


def test_a_caller_who_says_nothing() -> None:
    idle = server_event(
        "input_audio_buffer.timeout_triggered",
        item_id="item_3",
        audio_start_ms=4000,
        audio_end_ms=9000,
    )
    assert one(session().receive(idle)) == CallerIdle("item_3", 9000)


def test_a_response_says_what_it_cost() -> None:
    usage = {"output_token_details": {"audio_tokens": 40, "text_tokens": 9}}
    done = response("done", "resp_1", status="completed", usage=usage)
    assert one(session().receive(done)) == ResponseDone(
        "resp_1", "completed", "", Usage(audio_out=40, text_out=9)
    )


@pytest.mark.parametrize(
    "junk",
    ['{"usage":7}', '{"status_details":[]}', '{"usage":{"input_token_details":"x"}}'],
)
def test_M6_a_response_ends_whatever_stands_beside_its_id(junk: str) -> None:
    engine = talking()
    fields = json.loads(junk) | {"id": "resp_1", "status": "completed"}
    (done,) = engine.receive(json.dumps({"type": "response.done", "response": fields}))
    assert done == ResponseDone("resp_1", "completed")
    assert sent(engine.speak(None))["type"] == "response.create"


def test_rate_limits() -> None:
    limits = [
        {"name": "requests", "limit": 100, "remaining": 99, "reset_seconds": 0.5},
        {"name": "tokens"},
    ]
    event = one(session().receive(server_event("rate_limits.updated", rate_limits=limits)))
    assert event == RateLimits(
        (RateLimit("requests", 100, 99, 0.5), RateLimit("tokens", None, None, None))
    )


# Greeting


def test_the_greeting_keeps_the_persona() -> None:
    engine = session(instructions="You are Ada.")
    event = sent(engine.speak("Say good morning."))
    assert event["type"] == "response.create"
    assert event["response"] == {"instructions": "You are Ada.\n\nSay good morning."}


def test_a_greeting_without_words_is_left_to_the_session() -> None:
    assert "response" not in sent(session(instructions="You are Ada.").speak(None))


# Turns that only we take


def test_without_turn_detection_what_was_said_is_committed_and_answered() -> None:
    engine = session(turn_detection=None)
    assert sent(engine.speak("Hello."))["type"] == "response.create"  # nothing was said yet
    engine.receive(response("created", "resp_1"))
    engine.receive(response("done", "resp_1", status="completed"))
    for _ in range(5):
        engine.append_audio(PCM_20_MS)
    assert [event["type"] for event in all_sent(engine.speak(None))] == [
        "input_audio_buffer.commit",
        "response.create",
    ]


def test_without_turn_detection_a_tool_result_does_not_end_the_callers_turn() -> None:
    engine = session(turn_detection=None)
    for _ in range(50):
        engine.append_audio(PCM_20_MS)
    types = [event["type"] for event in all_sent(engine.tool_result("c", "", respond=True))]
    assert types == ["conversation.item.create", "response.create"]


def test_with_turn_detection_the_server_commits() -> None:
    engine = session(turn_detection={"create_response": False})
    for _ in range(50):
        engine.append_audio(PCM_20_MS)
    assert sent(engine.speak(None))["type"] == "response.create"


def test_what_the_server_committed_is_not_committed_again() -> None:
    engine = session(turn_detection=None)
    for _ in range(50):
        engine.append_audio(PCM_20_MS)
    engine.receive(server_event("input_audio_buffer.committed"))
    assert sent(engine.speak(None))["type"] == "response.create"


# What no side has said


@pytest.mark.parametrize("role", ["user", "system"])
def test_a_text_is_injected_as_an_item_of_its_role(role: Literal["user", "system"]) -> None:
    engine = session()
    (told,) = all_sent(engine.inject(role, "The order is late.", respond=False))
    assert told["type"] == "conversation.item.create"
    assert told["item"]["role"] == role
    assert told["item"]["content"] == [{"type": "input_text", "text": "The order is late."}]


def test_an_injected_text_that_is_to_be_answered() -> None:
    engine = session()
    types = [event["type"] for event in all_sent(engine.inject("user", "Well?", respond=True))]
    assert types == ["conversation.item.create", "response.create"]
    engine.receive(response("created", "r1"))
    types = [event["type"] for event in all_sent(engine.inject("user", "So?", respond=True))]
    assert types == ["conversation.item.create"]  # the answer waits for the end of the other
    engine.receive(response("done", "r1", status="completed"))
    assert [event["type"] for event in all_sent(engine.take_outgoing())] == ["response.create"]
