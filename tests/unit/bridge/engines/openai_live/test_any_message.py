"""Unknown, broken and odd messages in an OpenAI Live session."""

import itertools
import json
from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sipua.bridge.engine_api.events import (
    AudioDelta,
    AudioDone,
    Event,
    ResponseDone,
    ResponseStarted,
    Unknown,
    Unreadable,
)
from sipua.bridge.engine_api.settings import EngineSettings
from sipua.bridge.engines.openai_live.protocol import (
    OpenAILive,
)
from support.engine.live_engine import (
    NESTED,
    SESSION,
    TOOL,
    VENDOR,
    engine,
    nested,
    play,
    server_event,
    silence,
    speech,
    words,
)
from support.engine.live_types import (
    SERVER_MODELS,
    accepted_client_event,
)
from support.engine.vendor_types import event_type, sample


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
