import base64
import itertools
import json
from collections.abc import Sequence
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sipua.bridge.engine_api.events import (
    AudioDelta,
    AudioDone,
    EngineFault,
    Event,
    ResponseDone,
    ResponseStarted,
    ServerTool,
    SessionReady,
    ToolCall,
    Transcript,
    Unknown,
    Unreadable,
    Usage,
    Used,
)
from sipua.bridge.engine_api.settings import AudioFormat, EngineSettings, PastMessage
from sipua.bridge.engines import create
from sipua.bridge.engines.openai_live.protocol import (
    FOLLOW,
    HEARD_NOTHING,
    HEARD_ONLY,
    NO_TOOLS,
    SPEAK_NOW,
    OpenAILive,
)
from sipua.bridge.engines.openai_live.speech import CALLER_END_MS
from sipua.bridge.engines.openai_live.speech_gate import END_MS, MAX_DROP_MS, YIELD_MS
from sipua.bridge.engines.openai_live.tools import MAX_CALLS, MAX_DELEGATIONS
from support.engine.live_types import (
    NESTED_MODELS,
    SERVER_MODELS,
    accepted_client_event,
    accepted_server_event,
)
from support.engine.vendor_types import event_type, sample

VENDOR = {event_type(model): model for model in SERVER_MODELS}
NESTED = {event_type(model): model for model in NESTED_MODELS}
SESSION = {"id": "live_1", "expires_at": 1, "model": "gpt-live-1", "status": "active"}
TOOL = {"type": "function", "name": "clock", "parameters": {"type": "object"}}
RATE_MS = 24


def engine(**settings: Any) -> OpenAILive:
    live = OpenAILive(EngineSettings(**settings))
    for message in live.start():
        accepted_client_event(message)
    started = server_event("session.started", session=SESSION)
    assert live.receive(started) == (SessionReady("live_1"),)
    return live


def server_event(type_: str, **fields: Any) -> str:
    content = {"type": type_, **fields}
    if "event_id" in VENDOR[type_].model_fields:
        content = {"event_id": "event_1", **content}
    message = json.dumps(content)
    accepted_server_event(message)
    return message


def speech(ms: int) -> bytes:
    return (3000 * np.sin(np.arange(ms * RATE_MS) * 0.3)).astype("<i2").tobytes()


def silence(ms: int) -> bytes:
    return bytes(ms * RATE_MS * 2)


def play(live: OpenAILive, track: bytes, delta_ms: int = 100) -> list[Event]:
    """The track as it comes: in deltas of a tenth of a second."""
    size = delta_ms * RATE_MS * 2
    events: list[Event] = []
    for start in range(0, len(track), size):
        delta = base64.b64encode(track[start : start + size]).decode()
        events += live.receive(server_event("session.output_audio.delta", delta=delta))
    return events


def words(live: OpenAILive, whose: str, text: str) -> list[Event]:
    type_ = f"session.{whose}_transcript.delta"
    return list(live.receive(server_event(type_, delta=text, start_ms=0, end_ms=200)))


def without_audio(events: Sequence[Event]) -> list[Event]:
    return [event for event in events if not isinstance(event, AudioDelta)]


def sent(messages: Sequence[bytes]) -> list[dict[str, Any]]:
    events = [accepted_client_event(message) for message in messages]
    return [{k: v for k, v in event.items() if k != "event_id"} for event in events]


def nested(type_: str, delegation_id: str | None = "del_1", **fields: Any) -> str:
    content = {**sample(NESTED[type_], full=False), **fields}
    return server_event("response.event", event=content, delegation_id=delegation_id)


def response(response_id: str = "resp_1", **fields: Any) -> dict[str, Any]:
    return {
        **sample(NESTED["response.created"], full=False)["response"],
        "id": response_id,
    } | fields


def call(live: OpenAILive, call_id: str, name: str = "clock", **fields: Any) -> Sequence[Event]:
    item = {"type": "function_call", "call_id": call_id, "name": name, "arguments": "{}"}
    return live.receive(nested("response.output_item.done", item=item, **fields))


# The session


def test_the_first_word_is_ours_and_ready_follows_once() -> None:
    live = OpenAILive(EngineSettings(instructions="Be kind."))
    (start,) = live.start()
    event = accepted_client_event(start)
    assert event["type"] == "session.start"
    assert event["event_id"] == "session.start#1"
    assert event["session"]["instructions"] == "Be kind."
    started = server_event("session.started", session=SESSION)
    assert live.receive(started) == (SessionReady("live_1"),)
    assert live.receive(started) == ()


def test_a_session_that_continues_another_tells_how_much_it_knows() -> None:
    live = OpenAILive(EngineSettings(past=[PastMessage("user", "Hello?"), PastMessage("user", "")]))
    live.start()
    assert live.receive(server_event("session.started", session=SESSION)) == (
        SessionReady("live_1", restored=1),
    )


def test_capabilities_are_those_of_the_protocol() -> None:
    can = engine().capabilities
    assert (can.speech_events, can.truncate, can.cancel) == (False, False, False)
    assert (can.tools, can.resume, can.paced_by_input) == (True, True, True)
    assert can.formats == frozenset(AudioFormat)


@pytest.mark.parametrize("form", list(AudioFormat))
def test_the_format_is_the_calls(form: AudioFormat) -> None:
    assert engine(audio=form).format is form


@given(st.binary(max_size=2000))
def test_append_is_valid_and_carries_the_audio(audio: bytes) -> None:
    event = accepted_client_event(engine().append_audio(audio))
    assert event["type"] == "session.input_audio.append"
    assert base64.b64decode(event["audio"], validate=True) == audio


def test_the_bill_comes_in_totals_and_is_told_in_parts() -> None:
    live = engine()
    for total, more in ((15, 15), (15, None), (30.5, 15.5)):
        events = live.receive(server_event("session.usage.updated", usage={"seconds": total}))
        assert list(events) == ([Used(Usage(seconds=more), "session")] if more else [])


def test_the_goodbye_is_answered_with_the_rest_of_the_bill() -> None:
    live = engine()
    live.receive(server_event("session.usage.updated", usage={"seconds": 15}))
    assert sent(live.goodbye()) == [{"type": "session.close"}]
    assert not live.over
    closed = server_event(
        "session.closed", reason="close_requested", session=SESSION, usage={"seconds": 17}
    )
    assert live.receive(closed) == [Used(Usage(seconds=2), "session")]
    assert live.over
    assert live.goodbye() == ()


@pytest.mark.parametrize(
    ("reason", "code"),
    [
        ("expired", "session_expired"),
        ("content", "content_filter"),
        ("connection_lost", "session_closed_connection_lost"),
    ],
)
def test_a_session_that_the_vendor_closes_is_fatal(reason: str, code: str) -> None:
    live = engine()
    play(live, speech(200))
    closed = server_event("session.closed", reason=reason, session=SESSION, usage={"seconds": 1})
    done, _response, used, fault = live.receive(closed)
    assert done == AudioDone("assistant_1")
    assert used == Used(Usage(seconds=1), "session")
    assert isinstance(fault, EngineFault)
    assert (fault.code, fault.fatal) == (code, True)
    assert live.over


def test_M6_an_error_is_an_event_and_the_session_goes_on() -> None:
    live = engine()
    error = {
        "type": "invalid_request_error",
        "code": "unknown_parameter",
        "message": "No.",
        "client_event_id": "session.start#1",
    }
    assert live.receive(server_event("error", error=error)) == (
        EngineFault("unknown_parameter", "No.", "session.start#1"),
    )
    assert play(live, speech(100))


# What the model says


def test_what_is_said_is_an_item_of_our_own() -> None:
    live = engine()
    events = play(live, silence(500) + speech(400) + silence(END_MS + 200))
    audio = [event for event in events if isinstance(event, AudioDelta)]
    assert {event.item_id for event in audio} == {"assistant_1"}
    assert sum(len(event.audio) for event in audio) >= len(speech(400))
    assert without_audio(events) == [
        ResponseStarted("assistant_1"),
        AudioDone("assistant_1"),
        ResponseDone("assistant_1", "completed"),
    ]
    again = play(live, speech(200) + silence(END_MS + 200))
    assert without_audio(again)[0] == ResponseStarted("assistant_2")


def test_the_beginning_is_held_until_there_is_some_of_it() -> None:
    """What comes at the pace of speech and is played at once would have a hole for each delay."""
    live = engine()
    assert play(live, speech(100)) == [ResponseStarted("assistant_1")]
    (first,) = play(live, speech(100))
    assert first == AudioDelta("assistant_1", 0, speech(100) * 2)
    (second,) = play(live, speech(20))
    assert second == AudioDelta("assistant_1", 0, speech(20))


def test_a_short_word_is_not_held_for_ever() -> None:
    live = engine()
    events = play(live, speech(40) + silence(END_MS))
    assert b"".join(e.audio for e in events if isinstance(e, AudioDelta)).startswith(speech(40))
    short = engine()
    play(short, speech(60))
    for _ in range(50):
        short.append_audio(silence(20))
    said, *_ = words(short, "input", "Hello?")
    assert said == AudioDelta("assistant_1", 0, speech(60))


def test_no_two_sessions_use_one_name() -> None:
    """The playout would take the second session's first item for the one that it cut off."""
    names = set()
    for _ in range(2):
        live = create("openai_live", EngineSettings()).protocol
        assert isinstance(live, OpenAILive)
        (started,) = play(live, speech(100))
        assert isinstance(started, ResponseStarted)
        names.add(started.response_id)
    assert len(names) == 2


def test_the_silence_between_two_answers_goes_nowhere() -> None:
    assert play(engine(), silence(5000)) == []


def test_words_belong_to_what_is_being_said_or_is_about_to_be() -> None:
    live = engine()
    assert words(live, "output", "Hello,") == []
    begun = play(live, speech(100))
    assert begun[1] == Transcript("assistant_1", "assistant", "Hello,", final=False)
    assert words(live, "output", " you.") == [
        Transcript("assistant_1", "assistant", " you.", final=False)
    ]
    ended = without_audio(play(live, silence(END_MS)))
    assert ended[1] == Transcript("assistant_1", "assistant", "Hello, you.", final=True)


def test_the_caller_has_finished_when_no_more_words_come() -> None:
    live = engine()
    assert words(live, "input", "Is it") == [Transcript("user_1", "user", "Is it", final=False)]
    assert play(live, silence(CALLER_END_MS - 100)) == []
    words(live, "input", " open?")
    assert play(live, silence(CALLER_END_MS)) == [
        Transcript("user_1", "user", "Is it open?", final=True)
    ]
    assert words(live, "input", "Hello?") == [Transcript("user_2", "user", "Hello?", final=False)]


def test_the_caller_has_finished_when_the_model_begins() -> None:
    live = engine()
    words(live, "input", "Is it open?")
    begun = play(live, speech(100))
    assert begun[:2] == [
        Transcript("user_1", "user", "Is it open?", final=True),
        ResponseStarted("assistant_1"),
    ]


def test_a_track_that_stops_while_there_is_input_has_nothing_more_to_say() -> None:
    live = engine()
    play(live, speech(200))
    for _ in range(50):
        live.append_audio(silence(20))
    events = words(live, "input", "Hello?")
    assert events[:2] == [AudioDone("assistant_1"), ResponseDone("assistant_1", "completed")]


def test_M6_bad_base64_is_counted_and_the_item_goes_on() -> None:
    live = engine()
    play(live, speech(100))
    broken = server_event("session.output_audio.delta", delta="%")
    assert live.receive(broken) == (Unreadable("bad_base64", 1),)
    assert live.counters()["bad_base64"] == 1
    assert [
        event.item_id for event in play(live, speech(100)) if isinstance(event, AudioDelta)
    ] == ["assistant_1"]


@pytest.mark.parametrize("form", [AudioFormat.PCMU, AudioFormat.PCMA])
def test_G711_is_heard_and_handed_on_as_it_is(form: AudioFormat) -> None:
    live = engine(audio=form)
    tone = bytes([0x80 if form is AudioFormat.PCMU else 0xAA]) * 800
    tone += bytes([0x00 if form is AudioFormat.PCMU else 0x2A]) * 800
    delta = base64.b64encode(tone).decode()
    events = live.receive(server_event("session.output_audio.delta", delta=delta))
    assert list(events) == [
        ResponseStarted("assistant_1"),
        AudioDelta("assistant_1", 0, tone),
    ]


# Interruptions


def test_M5_what_was_interrupted_is_dropped_and_the_answer_is_not() -> None:
    live = engine()
    play(live, speech(300))
    assert live.truncate("assistant_1", 250) == ()
    assert live.cancel() == ()
    late = play(live, speech(400) + silence(YIELD_MS))
    assert late == [AudioDone("assistant_1"), ResponseDone("assistant_1", "cancelled")]
    assert live.counters()["late_ms"] == 400 + YIELD_MS
    answer = play(live, silence(800) + speech(100))
    assert answer[0] == ResponseStarted("assistant_2")
    assert live.counters()["cut"] == 1


def test_M5_cancel_alone_cuts_what_is_being_said() -> None:
    live = engine()
    play(live, speech(300))
    assert live.cancel() == ()
    assert without_audio(play(live, speech(100))) == [
        AudioDone("assistant_1"),
        ResponseDone("assistant_1", "cancelled"),
    ]


def test_M5_a_model_that_does_not_give_way_is_heard_again() -> None:
    live = engine()
    play(live, speech(300))
    live.cancel()
    events = play(live, speech(MAX_DROP_MS + 300))
    assert ResponseStarted("assistant_2") in events


def test_M5_words_that_nobody_heard_are_not_kept() -> None:
    live = engine()
    words(live, "output", "One")
    play(live, speech(300))
    live.cancel()
    assert words(live, "output", " two") == [
        AudioDone("assistant_1"),
        Transcript("assistant_1", "assistant", "One", final=True),
        ResponseDone("assistant_1", "cancelled"),
    ]
    play(live, silence(400))
    words(live, "output", "Three")
    assert Transcript("assistant_2", "assistant", "Three", final=False) in play(live, speech(100))
    assert live.counters()["late_words"] == 1


def test_M5_an_item_that_was_said_long_ago_but_played_late_takes_no_other_with_it() -> None:
    live = engine()
    play(live, speech(300) + silence(END_MS + 100))
    assert live.truncate("assistant_1", 100) == ()
    assert play(live, speech(100))[0] == ResponseStarted("assistant_2")


def test_M5_the_model_is_told_of_much_that_was_not_heard() -> None:
    live = engine()
    words(live, "output", "Hello, how are you today? I can do this and that for you.")
    play(live, speech(4000))
    (thought,) = sent(live.truncate("assistant_1", 2000))
    assert thought == {
        "type": "session.thinking.append",
        "delegation_id": None,
        "content": f'{HEARD_ONLY}"Hello, how are you today? I"',
    }
    assert live.truncate("assistant_1", 2000) == ()


def test_M5_nothing_at_all_was_heard() -> None:
    live = engine()
    play(live, speech(2000))
    (thought,) = sent(live.truncate("assistant_1", 0))
    assert thought["content"] == HEARD_NOTHING


def test_M5_nothing_to_interrupt() -> None:
    live = engine()
    assert live.cancel() == ()
    assert live.truncate("assistant_9", 100) == ()
    assert play(live, speech(100))[0] == ResponseStarted("assistant_1")


# To speak unasked


def test_a_greeting_is_an_instruction_and_the_wish_that_it_be_followed_now() -> None:
    assert sent(engine().speak("Say hello.")) == [
        {"type": "session.instructions.append", "delegation_id": None, "content": "Say hello."},
        {"type": "session.commentary.append", "delegation_id": None, "content": FOLLOW},
    ]


def test_without_words_the_model_finds_its_own() -> None:
    assert sent(engine().speak(None)) == [
        {"type": "session.commentary.append", "delegation_id": None, "content": SPEAK_NOW}
    ]


def test_a_long_greeting_comes_in_pieces_and_a_book_is_cut_short() -> None:
    live = engine()
    text = "Say hello to everybody. " * 100
    *pieces, _last = sent(live.speak(text))
    assert len(pieces) > 1
    assert "".join(piece["content"] for piece in pieces) == text
    assert len(sent(live.speak("word " * 10_000))) == 17
    assert live.counters()["text_dropped"] > 0


# Tools


def test_a_tool_call_acts_when_its_response_has_completed() -> None:
    live = engine(tools=[TOOL])
    assert live.receive(nested("response.created", response=response())) == ()
    assert call(live, "call_1") == ()
    usage = {
        "input_tokens": 100,
        "input_tokens_details": {"cached_tokens": 40, "cache_write_tokens": 0},
        "output_tokens": 9,
        "output_tokens_details": {"reasoning_tokens": 0},
        "total_tokens": 109,
    }
    completed = nested("response.completed", response=response(usage=usage))
    assert live.receive(completed) == (
        ToolCall("call_1", "clock", "{}", "resp_1"),
        Used(Usage(text_in=100, text_in_cached=40, text_out=9), "delegation"),
    )
    assert sent(live.tool_result("call_1", "12:00", respond=True)) == [
        {
            "type": "response.item.create",
            "item": {"type": "function_call_output", "call_id": "call_1", "output": "12:00"},
        },
        {"type": "response.create"},
    ]


def test_the_model_goes_on_when_all_answers_are_in() -> None:
    live = engine(tools=[TOOL])
    live.receive(nested("response.created", response=response()))
    for call_id in ("call_1", "call_2"):
        call(live, call_id)
    assert len(live.receive(nested("response.completed", response=response()))) == 2
    first = sent(live.tool_result("call_2", "b", respond=True))
    assert [event["type"] for event in first] == ["response.item.create"]
    second = sent(live.tool_result("call_1", "a", respond=False))
    assert [event["type"] for event in second] == ["response.item.create", "response.create"]


def test_a_tool_that_wants_no_answer_gets_none() -> None:
    live = engine(tools=[TOOL])
    live.receive(nested("response.created", response=response()))
    call(live, "call_1")
    live.receive(nested("response.completed", response=response()))
    (result,) = sent(live.tool_result("call_1", "", respond=False))
    assert result["type"] == "response.item.create"


def test_two_tasks_at_once_do_not_wait_for_each_other() -> None:
    live = engine(tools=[TOOL])
    for about in ("del_1", "del_2"):
        live.receive(nested("response.created", about, response=response(about)))
        call(live, f"call of {about}", delegation_id=about)
    for about in ("del_2", "del_1"):
        done = nested("response.completed", about, response=response(about))
        assert live.receive(done) == (ToolCall(f"call of {about}", "clock", "{}", about),)
    assert len(live.tool_result("call of del_1", "", respond=True)) == 2
    assert len(live.tool_result("call of del_2", "", respond=True)) == 2


@pytest.mark.parametrize(
    ("status", "fields", "said"),
    [
        ("failed", {"error": {"code": "server_error", "message": "Broken."}}, "Broken."),
        ("incomplete", {"incomplete_details": {"reason": "content_filter"}}, "content_filter"),
        ("failed", {}, "no reason"),
    ],
)
def test_a_response_that_did_not_complete_does_not_act(
    status: str, fields: dict[str, Any], said: str
) -> None:
    live = engine(tools=[TOOL])
    live.receive(nested("response.created", response=response()))
    call(live, "call_1")
    event = nested(f"response.{status}", response=response(**fields))
    assert live.receive(event) == (EngineFault("delegation_failed", said),)
    assert live.counters()["tool_calls_dropped"] == 1
    assert live.receive(nested("response.completed", response=response())) == ()


def test_the_answer_to_another_sessions_call_is_told_in_words() -> None:
    live = engine(tools=[TOOL])
    (said,) = sent(live.tool_result("call_9", "12:00", respond=True))
    assert (said["type"], said["content"]) == (
        "session.commentary.append",
        "A tool returned: 12:00",
    )
    (kept,) = sent(live.tool_result("call_9", "12:00", respond=False))
    assert kept["type"] == "session.thinking.append"


def test_a_tool_of_the_vendors_is_for_the_record() -> None:
    live = engine(tools=[TOOL])
    live.receive(nested("response.created", response=response()))
    item = {
        "id": "mcp_1",
        "type": "mcp_call",
        "name": "search",
        "server_label": "shop",
        "arguments": "{}",
    }
    done = nested("response.output_item.done", item=item)
    assert live.receive(done) == (ServerTool("mcp_1", "search", "completed"),)


def test_a_task_for_which_there_is_nobody_is_given_back_at_once() -> None:
    live = engine()
    delegation = {"id": "del_1", "type": "delegation", "target": "client"}
    created = server_event("session.delegation.created", delegation=delegation, offset_ms=0)
    assert live.receive(created) == ()
    assert sent(live.take_outgoing()) == [
        {"type": "session.commentary.append", "delegation_id": "del_1", "content": NO_TOOLS}
    ]
    assert live.take_outgoing() == ()


def test_a_task_for_the_other_model_is_that_ones() -> None:
    live = engine(tools=[TOOL])
    delegation = {"id": "del_1", "type": "delegation", "target": "responses"}
    created = server_event("session.delegation.created", delegation=delegation, offset_ms=0)
    assert live.receive(created) == ()
    assert live.take_outgoing() == ()


def test_what_is_remembered_of_tools_is_bounded() -> None:
    live = engine(tools=[TOOL])
    for number in range(MAX_DELEGATIONS + 5):
        live.receive(nested("response.created", f"del_{number}", response=response()))
    for number in range(MAX_CALLS + 5):
        call(live, f"call_{number}", delegation_id=f"del_{MAX_DELEGATIONS + 4}")
    done = nested("response.completed", f"del_{MAX_DELEGATIONS + 4}", response=response())
    assert len(live.receive(done)) == MAX_CALLS
    assert live.counters()["tool_calls_dropped"] == 5


# Whatever comes


def test_M6_an_unknown_event_is_reported_and_counted() -> None:
    live = engine()
    assert live.receive('{"type":"session.hologram"}') == (Unknown("session.hologram"),)
    assert live.receive(server_event("info", code="x", message="y")) == ()
    counters = live.counters()
    assert (counters["unknown"], counters["ignored"]) == (1, 1)


@pytest.mark.parametrize(
    ("message", "reason"),
    [
        (b"not json", "bad_json"),
        (b'{"type":"error","error":7}', "malformed"),
        (b'"' + b"x" * 16_000_000 + b'"', "oversize"),
        (b'{"type":"response.event","event":{"type":"response.created"}}', "malformed"),
    ],
    ids=["json", "event", "size", "nested event"],
)
def test_M6_what_cannot_be_read_is_told_for_the_log_and_counted(
    message: bytes, reason: str
) -> None:
    live = engine()
    (told,) = live.receive(message)
    assert isinstance(told, Unreadable)
    assert told.reason == reason
    assert live.counters()[reason] == 1
    assert live.receive(server_event("session.usage.updated", usage={"seconds": 1}))


def test_every_event_of_the_vendor_is_received() -> None:
    for model, full in itertools.product(SERVER_MODELS, (True, False)):
        live = OpenAILive(EngineSettings())
        live.receive(json.dumps(sample(model, full=full)))
        counters = live.counters()
        # A sample's nested event is a bare object: that one is malformed, and only that.
        assert counters["malformed"] == (event_type(model) == "response.event"), event_type(model)
        assert counters["unknown"] == counters["bad_json"] == 0, event_type(model)


@given(st.lists(st.binary(max_size=80) | st.text(max_size=80), max_size=5))
def test_any_bytes_are_survived(messages: list[bytes | str]) -> None:
    live = engine()
    for message in messages:
        live.receive(message)


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=10),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=5,
)


@given(st.sampled_from(sorted(VENDOR)), st.data())
def test_any_fields_are_survived(type_: str, data: st.DataObject) -> None:
    content = sample(VENDOR[type_], full=True)
    name = data.draw(st.sampled_from(sorted(content)))
    live = engine()
    live.receive(json.dumps({**content, name: data.draw(_JSON), "type": type_}))
    play(live, speech(20))


@given(st.data())
def test_any_order_of_vendor_events_is_survived_and_all_we_send_is_valid(
    data: st.DataObject,
) -> None:
    live = engine(tools=[TOOL])
    ours = ["cancel", "truncate", "speak", "append", "result", "nested", "speech", "silence"]
    kinds = st.sampled_from(sorted(VENDOR)) | st.sampled_from(ours)
    ids = st.sampled_from(["assistant_1", "assistant_2", "text"])
    for kind in data.draw(st.lists(kinds, max_size=30)):
        messages: Sequence[bytes] = ()
        if kind == "cancel":
            messages = live.cancel()
        elif kind == "truncate":
            messages = live.truncate(data.draw(ids), data.draw(st.integers(-10, 10_000)))
        elif kind == "speak":
            messages = live.speak(data.draw(st.text(max_size=50)))
        elif kind == "append":
            messages = [live.append_audio(silence(200))]
        elif kind == "result":
            messages = live.tool_result("text", "x", respond=data.draw(st.booleans()))
        elif kind == "nested":
            type_ = data.draw(st.sampled_from(sorted(NESTED)))
            live.receive(nested(type_, data.draw(ids)))
        elif kind in ("speech", "silence"):
            play(live, speech(300) if kind == "speech" else silence(700))
        else:
            content = sample(VENDOR[kind], full=data.draw(st.booleans()))
            live.receive(json.dumps(content))
        for message in (*messages, *live.take_outgoing()):
            accepted_client_event(message)


@given(st.lists(st.sampled_from(["speech", "silence", "cut", "words", "input"]), max_size=40))
def test_items_begin_and_end_in_order_and_once(steps: list[str]) -> None:
    live = engine()
    events: list[Event] = []
    for step in steps:
        if step == "cut":
            live.cancel()
        elif step == "words":
            events += words(live, "output", "Yes.")
        elif step == "input":
            events += words(live, "input", "No.")
        else:
            events += play(live, speech(200) if step == "speech" else silence(400))
    closed = server_event(
        "session.closed", reason="close_requested", session=SESSION, usage={"seconds": 0}
    )
    events += live.receive(closed)
    running = ""
    for event in events:
        if isinstance(event, ResponseStarted):
            assert not running
            running = event.response_id
        elif isinstance(event, AudioDelta | AudioDone):
            assert event.item_id == running
        elif isinstance(event, ResponseDone):
            assert event.response_id == running
            running = ""
    assert not running
