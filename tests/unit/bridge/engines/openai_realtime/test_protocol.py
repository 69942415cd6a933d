import base64
import itertools
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sipua.bridge.engine_api.events import (
    AudioDelta,
    AudioDone,
    CallerIdle,
    EngineFault,
    RateLimit,
    RateLimits,
    ResponseDone,
    ResponseStarted,
    ServerTool,
    SessionReady,
    SpeechStarted,
    SpeechStopped,
    ToolCall,
    Transcript,
    TranscriptFailed,
    Unknown,
    Unreadable,
    Usage,
    Used,
)
from sipua.bridge.engine_api.settings import AudioFormat, PastMessage, PastToolCall
from support.engine.realtime_engine import (
    PCM_20_MS,
    VENDOR,
    all_sent,
    delta,
    function_call,
    item_event,
    one,
    response,
    sent,
    server_event,
    session,
    session_event,
    speech_started,
    talking,
)
from support.engine.realtime_types import SERVER_MODELS, accepted_client_event
from support.engine.vendor_types import event_type, sample

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


# Barge-in


def test_M5_truncate_names_item_content_and_millisecond() -> None:
    event = sent(talking().truncate("item_1", 60))
    assert (
        event.items()
        >= {
            "type": "conversation.item.truncate",
            "item_id": "item_1",
            "content_index": 0,
            "audio_end_ms": 60,
        }.items()
    )


def test_M5_truncate_is_clamped_to_what_the_item_holds() -> None:
    assert sent(talking().truncate("item_1", 5000))["audio_end_ms"] == 100


def test_M5_a_partial_millisecond_does_not_count() -> None:
    engine = session()
    engine.receive(delta("item_1", bytes(48 * 7 + 46)))
    assert sent(engine.truncate("item_1", 99))["audio_end_ms"] == 7


@pytest.mark.parametrize("audio", [AudioFormat.PCMU, AudioFormat.PCMA])
def test_M5_a_millisecond_of_g711_is_eight_bytes(audio: AudioFormat) -> None:
    engine = session(audio=audio)
    assert engine.format is audio
    engine.receive(delta("item_1", bytes(8 * 7 + 7)))
    assert sent(engine.truncate("item_1", 99))["audio_end_ms"] == 7


@pytest.mark.parametrize("heard_ms", [0, -5])
def test_M5_truncate_is_skipped_at_zero_but_the_rest_is_dropped(heard_ms: int) -> None:
    engine = talking()
    assert list(engine.truncate("item_1", heard_ms)) == []
    assert engine.counters()["truncate_skipped"] == 1
    assert list(engine.receive(delta("item_1", PCM_20_MS))) == []


def test_M5_an_item_is_truncated_once() -> None:
    engine = talking()
    assert sent(engine.truncate("item_1", 60))
    assert list(engine.truncate("item_1", 80)) == []


def test_M5_audio_that_is_not_the_engines_is_not_truncated() -> None:
    assert list(talking().truncate("our own filler", 60)) == []


def test_M5_an_item_that_was_heard_to_its_end_is_left_alone() -> None:
    engine = talking()
    engine.receive(server_event("response.output_audio.done", item_id="item_1"))
    assert list(engine.truncate("item_1", 100)) == []


def test_M5_all_that_arrived_was_heard_but_more_would_come() -> None:
    assert sent(talking().truncate("item_1", 100))["audio_end_ms"] == 100


def test_M5_the_content_index_is_the_one_that_had_the_audio() -> None:
    engine = session()
    engine.receive(delta("item_1", PCM_20_MS, content_index=1))
    assert sent(engine.truncate("item_1", 10))["content_index"] == 1


def test_M5_deltas_of_a_truncated_item_are_dropped_and_counted() -> None:
    engine = talking(turn_detection={"interrupt_response": False})
    engine.truncate("item_1", 40)
    assert list(engine.receive(delta("item_1", PCM_20_MS))) == []
    assert one(engine.receive(delta("item_2", PCM_20_MS)))
    assert engine.counters()["late_deltas"] == 1


def test_M5_the_server_interrupts_by_itself_and_its_late_deltas_are_dropped() -> None:
    engine = talking()
    assert isinstance(one(engine.receive(speech_started())), SpeechStarted)
    assert list(engine.cancel()) == []
    assert list(engine.receive(delta("item_1", PCM_20_MS))) == []
    assert list(engine.receive(delta("item_2", PCM_20_MS))) == []  # of the same response
    engine.receive(response("done", "resp_1", status="cancelled"))
    engine.receive(response("created", "resp_2"))
    assert one(engine.receive(delta("item_3", PCM_20_MS, "resp_2")))


def test_M5_the_audio_of_the_next_response_survives_speech_before_it() -> None:
    engine = session()
    engine.receive(speech_started())
    engine.receive(response("created", "resp_1"))
    assert one(engine.receive(delta("item_1", PCM_20_MS)))


@pytest.mark.parametrize("detection", [None, {"interrupt_response": False}])
def test_M5_cancel_is_ours_if_the_server_does_not_interrupt(
    detection: dict[str, Any] | None,
) -> None:
    engine = talking(turn_detection=detection)
    engine.receive(speech_started())
    assert one(engine.receive(delta("item_1", PCM_20_MS)))  # it goes on, we were not asked
    event = sent(engine.cancel())
    assert event["type"] == "response.cancel"
    assert event["response_id"] == "resp_1"
    assert list(engine.cancel()) == []
    assert list(engine.receive(delta("item_1", PCM_20_MS))) == []


def test_M5_cancel_without_speech_is_ours() -> None:
    assert sent(talking().cancel())["response_id"] == "resp_1"


def test_M5_nothing_to_cancel() -> None:
    engine = session()
    assert list(engine.cancel()) == []
    engine.receive(response("created", "resp_1"))
    engine.receive(response("done", "resp_1", status="completed"))
    assert list(engine.cancel()) == []


def test_M5_a_response_without_id_can_be_cancelled_and_takes_no_other_with_it() -> None:
    engine = session()
    engine.receive(server_event("response.created", response={}))
    assert "response_id" not in sent(engine.cancel())
    engine.receive(server_event("response.done", response={"status": "cancelled"}))
    assert one(engine.receive(delta("item_1", PCM_20_MS, response_id="")))


def test_capabilities_follow_the_configuration() -> None:
    usual = session().capabilities
    assert usual.speech_events
    assert usual.takes_turns
    assert usual.resume
    assert usual.formats == set(AudioFormat)
    without = session(turn_detection=None).capabilities
    assert not without.speech_events
    assert not without.takes_turns
    asked = session(turn_detection={"create_response": False}).capabilities
    assert asked.speech_events
    assert not asked.takes_turns


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


# Tools


def test_a_tool_call_acts_when_its_response_has_completed() -> None:
    engine = session()
    assert list(engine.receive(function_call("resp_1"))) == []
    assert list(engine.receive(function_call("resp_2", "call_2"))) == []
    call, done = engine.receive(response("done", "resp_1", status="completed"))
    assert call == ToolCall("call_1", "hang_up", "{}", "resp_1")
    assert isinstance(done, ResponseDone)
    call, _ = engine.receive(response("done", "resp_2", status="completed"))
    assert isinstance(call, ToolCall)
    assert call.call_id == "call_2"


@pytest.mark.parametrize("status", ["cancelled", "failed", "incomplete"])
def test_a_response_that_did_not_complete_does_not_act(status: str) -> None:
    engine = session()
    engine.receive(function_call("resp_1"))
    assert isinstance(one(engine.receive(response("done", "resp_1", status=status))), ResponseDone)
    assert engine.counters()["tool_calls_dropped"] == 1


def test_a_tool_result_and_the_wish_for_an_answer() -> None:
    result, create = session().tool_result("call_1", '{"ok":true}', respond=True)
    assert accepted_client_event(result)["item"] == {
        "id": "result_1",
        "type": "function_call_output",
        "call_id": "call_1",
        "output": '{"ok":true}',
    }
    assert accepted_client_event(create)["type"] == "response.create"
    assert len(session().tool_result("call_1", "{}", respond=False)) == 1


def mcp_item(kind: str = "mcp_call", **fields: Any) -> dict[str, Any]:
    return {
        "id": "item_7",
        "type": kind,
        "name": "search",
        "server_label": "docs",
        "arguments": "{}",
        **fields,
    }


@pytest.mark.parametrize("ending", ["completed", "failed"])
def test_a_tool_of_an_mcp_server_is_recorded_and_then_answered(ending: str) -> None:
    engine = talking()
    added = server_event("response.output_item.added", item=mcp_item())
    assert list(engine.receive(added)) == []
    started = engine.receive(server_event("response.mcp_call.in_progress", item_id="item_7"))
    assert one(started) == ServerTool("item_7", "docs: search", "started")
    ended = engine.receive(server_event(f"response.mcp_call.{ending}", item_id="item_7"))
    assert one(ended) == ServerTool("item_7", "docs: search", ending)  # type: ignore[arg-type]
    assert list(engine.take_outgoing()) == []  # the response that called it still runs
    engine.receive(response("done", "resp_1", status="completed"))
    assert sent(engine.take_outgoing())["type"] == "response.create"


def test_an_mcp_server_that_cannot_be_used_is_recorded() -> None:
    engine = session()
    engine.receive(
        item_event({"id": "item_8", "type": "mcp_list_tools", "server_label": "docs", "tools": []})
    )
    failed = engine.receive(server_event("mcp_list_tools.failed", item_id="item_8"))
    assert one(failed) == ServerTool("item_8", "docs: list of tools", "failed")


def test_an_mcp_call_cannot_be_approved_by_telephone_and_the_model_explains_itself() -> None:
    engine = session()
    request = mcp_item("mcp_approval_request")
    assert list(engine.receive(item_event(request))) == []
    declined = one(engine.receive(item_event(request, "done")))
    assert declined == ServerTool("item_7", "docs: search", "failed")
    answer, create = all_sent(engine.take_outgoing())
    assert answer["item"].items() >= {"approval_request_id": "item_7", "approve": False}.items()
    assert create["type"] == "response.create"
    assert engine.counters()["approvals_declined"] == 1


def test_the_names_of_server_tools_are_bounded() -> None:
    engine = session()
    for number in range(1000):
        engine.receive(item_event(mcp_item(id=f"item_{number}")))
    assert len(engine._server_tools) == 64
    (started,) = engine.receive(server_event("response.mcp_call.in_progress", item_id="item_1"))
    assert started == ServerTool("item_1", "", "started")


# Trouble


def test_M6_an_error_is_an_event_and_the_session_goes_on() -> None:
    engine = talking()
    event_id = sent(engine.truncate("item_1", 10))["event_id"]
    error = {
        "type": "invalid_request_error",
        "code": "item_truncate_invalid",
        "message": "No such item.",
        "event_id": event_id,
    }
    fault = one(engine.receive(server_event("error", error=error)))
    assert fault == EngineFault("item_truncate_invalid", "No such item.", event_id, fatal=False)
    assert event_id.startswith("conversation.item.truncate#")
    assert one(engine.receive(delta("item_2", PCM_20_MS)))


def test_the_end_of_the_session_is_fatal() -> None:
    error = {"type": "invalid_request_error", "code": "session_expired", "message": "60 minutes."}
    fault = one(session().receive(server_event("error", error=error)))
    assert isinstance(fault, EngineFault)
    assert fault.fatal


def test_an_error_without_code_is_known_by_its_type_and_cut_short() -> None:
    error = {"type": "server_error", "message": "x" * 10_000}
    fault = one(session().receive(server_event("error", error=error)))
    assert fault == EngineFault("server_error", "x" * 500)


def test_M6_an_unknown_event_is_reported_and_counted() -> None:
    engine = session()
    assert one(engine.receive(b'{"type":"response.hologram.delta"}')) == Unknown(
        "response.hologram.delta"
    )
    assert engine.counters()["unknown"] == 1


@pytest.mark.parametrize(
    ("message", "counter_"),
    [
        (b"not json", "bad_json"),
        (b"[]", "malformed"),
        (b'{"type":"error","error":7}', "malformed"),
        (b'"' + b"x" * 16_000_000 + b'"', "oversize"),
        (server_event("response.output_item.done"), "ignored"),
    ],
)
def test_M6_what_cannot_be_used_is_counted_and_the_session_goes_on(
    message: bytes, counter_: str
) -> None:
    engine = session()
    told = [] if counter_ == "ignored" else [Unreadable(counter_, len(message))]
    assert list(engine.receive(message)) == told
    assert engine.counters()[counter_] == 1
    assert one(engine.receive(delta("item_1", PCM_20_MS)))


def test_every_event_of_the_vendor_is_received() -> None:
    for model, full in itertools.product(SERVER_MODELS, (True, False)):
        engine = session()
        engine.receive(json.dumps(sample(model, full=full)))
        count = engine.counters()
        assert count["malformed"] == count["bad_json"] == count["unknown"] == 0, event_type(model)


@pytest.mark.parametrize("number", ["1e999", "-1e999", "1e308", "-1", "0.5", "1e5", "9" * 400])
def test_odd_numbers(number: str) -> None:
    engine = session()
    engine.receive(f'{{"type":"input_audio_buffer.speech_started","audio_start_ms":{number}}}')
    engine.receive(f'{{"type":"rate_limits.updated","rate_limits":[{{"limit":{number}}}]}}')
    engine.receive(
        f'{{"type":"response.output_audio.delta","item_id":"i","delta":"","content_index":{number}}}'
    )
    assert engine.counters()["events"] == 3


@given(st.lists(st.binary(max_size=80) | st.text(max_size=80), max_size=5))
def test_any_bytes_are_survived(messages: list[bytes | str]) -> None:
    engine = session()
    for message in messages:
        engine.receive(message)


@given(st.data())
def test_any_order_of_vendor_events_is_survived_and_all_we_send_is_valid(
    data: st.DataObject,
) -> None:
    detection = data.draw(st.sampled_from([{}, None, {"create_response": False}]))
    past = [PastMessage("user", "Hello."), PastToolCall("c", "f", "{}", None)]
    engine = session(turn_detection=detection, past=past)
    asked = ["cancel", "truncate", "speak", "tool_result", "append"]
    kinds = st.sampled_from(sorted(VENDOR)) | st.sampled_from(asked)
    ids = st.sampled_from(["a", "b", "c"])
    for kind in data.draw(st.lists(kinds, max_size=30)):
        messages: Any = ()
        if kind == "cancel":
            messages = engine.cancel()
        elif kind == "truncate":
            messages = engine.truncate(data.draw(ids), data.draw(st.integers(-10, 10_000)))
        elif kind == "speak":
            messages = engine.speak(data.draw(st.sampled_from([None, "Hello.", "Go on."])))
        elif kind == "tool_result":
            messages = engine.tool_result(data.draw(ids), "{}", respond=data.draw(st.booleans()))
        elif kind == "append":
            messages = (engine.append_audio(PCM_20_MS * 10),)
        else:
            content = sample(VENDOR[kind], full=data.draw(st.booleans()))
            for key in ("item_id", "response_id"):
                if key in content:
                    content[key] = data.draw(ids)
            if isinstance(content.get("response"), dict):
                content["response"]["id"] = data.draw(ids)
            engine.receive(json.dumps(content))
        for message in (*messages, *engine.take_outgoing()):
            accepted_client_event(message)


def test_what_is_remembered_is_bounded() -> None:
    engine = session()
    for number in range(1000):
        engine.receive(delta(f"item_{number}", PCM_20_MS, f"resp_{number}"))
        engine.receive(response("done", f"resp_{number}", status="cancelled"))
        engine.receive(function_call(f"never_{number}"))
    assert len(engine._speech._items) == 128
    assert len(engine._speech._stale) == 64
    assert len(engine._tool_calls) == 64
    assert list(engine.truncate("item_0", 10)) == []
    assert sent(engine.truncate("item_999", 10))
