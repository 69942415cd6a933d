"""Errors, unknown, broken and odd messages in an OpenAI Realtime session."""

import itertools
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sipua.bridge.engine_api.events import (
    EngineFault,
    Unknown,
    Unreadable,
)
from sipua.bridge.engine_api.settings import PastMessage, PastToolCall
from sipua.bridge.engines.openai_realtime.dialects import DIALECTS
from support.engine import beta_types
from support.engine.dialect_types import JUDGES
from support.engine.realtime_engine import (
    PCM_20_MS,
    VENDOR,
    delta,
    function_call,
    one,
    response,
    sent,
    server_event,
    session,
    talking,
)
from support.engine.realtime_types import SERVER_MODELS
from support.engine.vendor_types import event_type, sample

BETA = {event_type(model): model for model in beta_types.SERVER_MODELS}


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


@given(
    st.sampled_from(sorted(DIALECTS)),
    st.lists(st.binary(max_size=80) | st.text(max_size=80), max_size=5),
)
def test_M6_any_bytes_are_survived(dialect: str, messages: list[bytes | str]) -> None:
    engine = session(dialect=dialect)
    for message in messages:
        engine.receive(message)


@given(st.data())
def test_any_order_of_vendor_events_is_survived_and_all_we_send_is_valid(
    data: st.DataObject,
) -> None:
    detection = data.draw(st.sampled_from([{}, None, {"create_response": False}]))
    past = [PastMessage("user", "Hello."), PastToolCall("c", "f", "{}", None)]
    dialect = data.draw(st.sampled_from(sorted(DIALECTS)))
    vendor = VENDOR if dialect in ("ga", "xai") else BETA
    engine = session(turn_detection=detection, past=past, dialect=dialect)
    for message in engine.start():
        JUDGES[dialect].client(message)
    asked = ["cancel", "truncate", "speak", "tool_result", "append"]
    kinds = st.sampled_from(sorted(vendor)) | st.sampled_from(asked)
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
            content = sample(vendor[kind], full=data.draw(st.booleans()))
            for key in ("item_id", "response_id"):
                if key in content:
                    content[key] = data.draw(ids)
            if isinstance(content.get("response"), dict):
                content["response"]["id"] = data.draw(ids)
            engine.receive(json.dumps(content))
        for message in (*messages, *engine.take_outgoing()):
            JUDGES[dialect].client(message)


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
