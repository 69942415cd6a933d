import contextlib
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel

from sipua.bridge.engines.openai.decoder import Other, WireError
from sipua.bridge.engines.openai_realtime import events as wire
from support.engine.realtime_types import SERVER_MODELS, accepted_server_event, event_type, sample

BY_TYPE = {event_type(model): model for model in SERVER_MODELS}


def test_every_type_of_the_vendor_is_handled_or_knowingly_ignored() -> None:
    assert set(BY_TYPE) == wire.DECODER.handled | wire.IGNORED
    assert not wire.DECODER.handled & wire.IGNORED


@pytest.mark.parametrize("model", SERVER_MODELS, ids=event_type)
@pytest.mark.parametrize("full", [True, False], ids=["full", "minimal"])
def test_every_event_of_the_vendor_is_decoded(model: type[BaseModel], full: bool) -> None:
    content = sample(model, full=full)
    message = json.dumps(content)
    accepted_server_event(message)
    for encoded in (message, message.encode()):
        event = wire.DECODER.decode(encoded)
        if event_type(model) in wire.DECODER.handled:
            assert type(event).__struct_config__.tag == event_type(model)
        else:
            assert event == Other(event_type(model))


@pytest.mark.parametrize("event_type_", sorted(wire.DECODER.handled))
def test_fields_that_we_do_not_know_change_nothing(event_type_: str) -> None:
    content = sample(BY_TYPE[event_type_], full=True)
    more = {"new": {"deep": [1, "2", None]}, **content, "newer": [[]]}
    assert wire.DECODER.decode(json.dumps(more)) == wire.DECODER.decode(json.dumps(content))


def test_the_type_may_stand_anywhere() -> None:
    message = b'{"delta":"AAAA","item_id":"i","type":"response.output_audio.delta"}'
    assert wire.DECODER.decode(message) == wire.OutputAudioDelta("i", "AAAA")


@pytest.mark.parametrize(
    ("message", "reason"),
    [
        (b"", "bad_json"),
        (b"{", "bad_json"),
        (b'{"type":"error"', "bad_json"),
        (b"\xff\xfe\x00", "bad_json"),
        (b'{"type":"\xff"}', "bad_json"),
        (b'{"type":"response.output_audio.delta","item_id":"\xff","delta":""}', "malformed"),
        ("\ud800", "bad_json"),
        (b"[" * 100_000, "malformed"),
        (b'{"type":"x","deep":' + b"[" * 100_000, "bad_json"),
        (b"null", "malformed"),
        (b"[1]", "malformed"),
        (b'"text"', "malformed"),
        (b"17", "malformed"),
        (b"{}", "malformed"),
        (b'{"type":null}', "malformed"),
        (b'{"type":7}', "malformed"),
        (b'{"type":"error"}', "malformed"),
        (b'{"type":"error","error":"text"}', "malformed"),
        (b'{"type":"response.output_audio.delta","item_id":"i"}', "malformed"),
        (b'{"type":"response.output_audio.delta","item_id":"i","delta":{}}', "malformed"),
        (b'{"type":"response.done","response":[]}', "malformed"),
    ],
)
def test_M6_what_is_not_an_event_has_a_reason(message: bytes | str, reason: str) -> None:
    with pytest.raises(WireError) as caught:
        wire.DECODER.decode(message)
    assert caught.value.reason == reason


def test_M6_a_16_mb_frame_is_dropped_unread() -> None:
    frame = b'{"type":"response.output_audio.delta","item_id":"i","delta":"' + b"A" * 16_000_000
    with pytest.raises(WireError, match="oversize"):
        wire.DECODER.decode(frame + b'"}')


def test_an_unknown_type_is_shortened() -> None:
    assert wire.DECODER.decode(json.dumps({"type": "y" * 1000})) == Other("y" * 64)


@given(st.binary(max_size=200) | st.text(max_size=200))
def test_any_bytes_give_an_event_or_a_reason(message: bytes | str) -> None:
    with contextlib.suppress(WireError):
        wire.DECODER.decode(message)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3)
    ),
    max_leaves=8,
)


@given(st.sampled_from(sorted(wire.DECODER.handled | wire.IGNORED)), st.data())
def test_a_known_event_with_any_field_broken_gives_an_event_or_a_reason(
    name: str, data: st.DataObject
) -> None:
    content: dict[str, Any] = sample(BY_TYPE[name], full=True)
    key = data.draw(st.sampled_from(sorted(content)))
    content[key] = data.draw(json_values)
    with contextlib.suppress(WireError):
        wire.DECODER.decode(json.dumps(content))
