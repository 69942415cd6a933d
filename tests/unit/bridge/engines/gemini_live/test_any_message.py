"""Unknown, broken and odd messages in a Gemini Live session."""

import base64
import json
from typing import Any

import pytest
from google.genai import types
from hypothesis import given
from hypothesis import strategies as st

from sipua.bridge.engine_api.events import (
    AudioDelta,
    AudioDone,
    Event,
    ResponseDone,
    ResponseStarted,
    ToolCall,
    Transcript,
    Unknown,
    Unreadable,
)
from sipua.bridge.engines.gemini_live import events as wire
from support.engine.gemini_engine import TOOL, audio, content, engine, message, say, sent


def test_M6_every_field_of_the_vendor_is_handled_or_knowingly_ignored() -> None:
    fields = {field.alias for field in types.LiveServerMessage.model_fields.values()}
    assert fields == wire.HANDLED | wire.IGNORED
    assert not wire.HANDLED & wire.IGNORED


def test_M6_an_unknown_field_is_reported_and_counted() -> None:
    gemini = engine()
    assert gemini.receive('{"hologram":{},"voiceActivity":{}}') == [Unknown("hologram")]
    assert gemini.receive(message(voiceActivity={"voiceActivityType": "ACTIVITY_START"})) == []
    assert content(gemini, waitingForInput=True) == []
    counters = gemini.counters()
    assert (counters["unknown"], counters["ignored"]) == (1, 1)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (b"not json", "bad_json"),
        (b'{"serverContent":7}', "malformed"),
        (b'{"goAway":"' + b"x" * 16_000_000 + b'"}', "oversize"),
        (b'{"a":' * 5000, "bad_json"),
        (b'{"serverContent":{"interrupted":"yes"}}', "malformed"),
    ],
    ids=["json", "content", "size", "depth", "flag"],
)
def test_M6_what_cannot_be_read_is_told_for_the_log_and_counted(text: bytes, reason: str) -> None:
    gemini = engine()
    (told,) = gemini.receive(text)
    assert isinstance(told, Unreadable)
    assert told.reason == reason
    assert gemini.counters()[reason] == 1
    assert say(gemini)


@pytest.mark.parametrize(
    ("blob", "reason"),
    [
        ({"mimeType": "audio/pcm;rate=24000", "data": "@@no*base64@@"}, "bad_base64"),
        ({"mimeType": "audio/pcm;rate=48000", "data": "AAAA"}, "bad_format"),
        ({"mimeType": "image/png", "data": "AAAA"}, "bad_format"),
    ],
)
def test_M6_audio_that_is_none_costs_nothing_else_in_its_message(
    blob: dict[str, str], reason: str
) -> None:
    gemini = engine()
    say(gemini)
    fields: dict[str, Any] = {"modelTurn": {"parts": [{"inlineData": blob}]}}
    events = gemini.receive(json.dumps({"serverContent": {**fields, "turnComplete": True}}))
    assert isinstance(events[0], Unreadable)
    assert ResponseDone("assistant_1", "completed") in events
    assert gemini.counters()[reason] == 1


def test_audio_in_the_alphabet_of_urls_is_audio() -> None:
    gemini = engine()
    sound = b"\xfb\xff\xfe\xff"
    blob = {"mimeType": "audio/pcm", "data": base64.urlsafe_b64encode(sound).decode()}
    events = content(gemini, modelTurn={"parts": [{"text": "thinks"}, {"inlineData": blob}]})
    assert [event.audio for event in events if isinstance(event, AudioDelta)] == [sound]


@given(st.lists(st.binary(max_size=80) | st.text(max_size=80), max_size=5))
def test_any_bytes_are_survived(messages: list[bytes | str]) -> None:
    gemini = engine()
    for one in messages:
        gemini.receive(one)


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(max_size=10),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=5,
)


@given(st.sampled_from(sorted(wire.HANDLED)), _JSON)
def test_any_fields_are_survived(name: str, value: Any) -> None:
    gemini = engine()
    gemini.receive(json.dumps({name: value}))
    gemini.receive(json.dumps({"serverContent": {"inputTranscription": value, "modelTurn": value}}))
    say(gemini)


SERVER: dict[str, dict[str, Any]] = {
    "audio": {"serverContent": {"modelTurn": audio(20)}},
    "said": {"serverContent": {"outputTranscription": {"text": "Yes. "}}},
    "heard": {"serverContent": {"inputTranscription": {"text": "No. "}}},
    "interrupted": {"serverContent": {"interrupted": True}},
    "generated": {"serverContent": {"generationComplete": True}},
    "complete": {"serverContent": {"turnComplete": True}},
    "call": {"toolCall": {"functionCalls": [{"id": "fc_1", "name": "clock"}]}},
    "no call": {"toolCallCancellation": {"ids": ["fc_1"]}},
    "handle": {"sessionResumptionUpdate": {"newHandle": "h", "resumable": True}},
    "going": {"goAway": {"timeLeft": "5s"}},
}
OURS = ["cut", "cancel", "speak", "note", "result"]


@given(st.lists(st.sampled_from([*SERVER, *OURS]), max_size=40))
def test_items_begin_and_end_in_order_and_once_and_all_we_send_is_valid(steps: list[str]) -> None:
    gemini = engine(tools=[TOOL])
    events: list[Event | Unreadable] = []
    for number, step in enumerate([*steps, "complete"]):
        messages = ()
        if step in SERVER:
            events += gemini.receive(message(**SERVER[step]))
        elif step == "cut":
            messages = gemini.truncate(f"assistant_{number % 4}", 5)
        elif step == "cancel":
            messages = gemini.cancel()
        elif step == "result":
            messages = gemini.tool_result("fc_1", "x", respond=bool(number % 2))
        else:
            messages = gemini.inject("user", f"{number}", respond=step == "speak")
        sent([*messages, *gemini.take_outgoing()])
    events += gemini.receive(message(**SERVER["complete"]))
    _in_order(events)


def _in_order(events: list[Event | Unreadable]) -> None:
    running, begun, over, final = "", set(), set(), set()
    for event in events:
        if isinstance(event, ResponseStarted):
            assert not running
            assert event.response_id not in begun
            running = event.response_id
            begun.add(running)
        elif isinstance(event, AudioDelta | ToolCall):
            assert (
                event.item_id if isinstance(event, AudioDelta) else event.response_id
            ) == running
        elif isinstance(event, AudioDone):
            assert event.item_id == running
        elif isinstance(event, ResponseDone):
            assert event.response_id == running
            over.add(running)
            running = ""
        elif isinstance(event, Transcript):
            assert event.item_id not in final
            if event.final:
                final.add(event.item_id)
    assert not running
    assert begun == over
