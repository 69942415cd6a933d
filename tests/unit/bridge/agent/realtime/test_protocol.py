import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sipua.bridge.agent.realtime.protocol import (
    MAX_AUDIO_BYTES,
    MAX_EVENT_BYTES,
    Append,
    ClientError,
    ClientEvent,
    Outbox,
    decode,
    decode_audio,
    event_id_of,
)
from support.engine.realtime_types import CLIENT_MODELS, accepted_client_event, event_type, sample


def test_every_event_of_the_vendor_is_known() -> None:
    ours = {event.__struct_config__.tag for event in ClientEvent.__args__}
    assert ours == {event_type(model) for model in CLIENT_MODELS}


@pytest.mark.parametrize("model", CLIENT_MODELS, ids=event_type)
@pytest.mark.parametrize("full", [True, False], ids=["full", "minimal"])
def test_the_vendor_s_events_are_decoded(model: type, full: bool) -> None:
    content = sample(model, full=full)
    if content["type"] == "conversation.item.create":
        content["item"] = {"type": "message", "role": "user", "content": []}
    if content["type"] == "session.update" and full:
        content["session"]["audio"]["input"]["turn_detection"]["idle_timeout_ms"] = 6000
    message = json.dumps(content)
    accepted_client_event(message)
    event = decode(message)
    assert event.__struct_config__.tag == content["type"]


@pytest.mark.parametrize(
    ("message", "code", "param"),
    [
        (b"{", "invalid_json", None),
        (b"\xff\xfe", "invalid_json", None),
        (b'{"type":"response.cancel"} {}', "invalid_json", None),
        (b'{"type":"session.update","session":' + b"[" * 100_000, "invalid_type", "session"),
        (b"[" * 100_000, "invalid_type", None),
        (b"[]", "invalid_type", None),
        (b"17", "invalid_type", None),
        (b"{}", "missing_required_parameter", "type"),
        (b'{"type":"response.audio"}', "invalid_value", "type"),
        (b'{"type":7}', "invalid_value", "type"),
        (b'{"type":"input_audio_buffer.append"}', "missing_required_parameter", "audio"),
        (b'{"type":"input_audio_buffer.append","audio":7}', "invalid_type", "audio"),
        (b'{"type":"response.cancel","now":true}', "unknown_parameter", "now"),
        (
            b'{"type":"session.update","session":{}}',
            "missing_required_parameter",
            "session.type",
        ),
        (
            b'{"type":"session.update","session":{"type":"realtime","voice":"x"}}',
            "unknown_parameter",
            "session.voice",
        ),
        (
            (
                b'{"type":"session.update","session":{"type":"realtime","audio":{"input":'
                b'{"format":{"type":"audio/pcm","rate":16000}}}}}'
            ),
            "invalid_value",
            "session.audio.input.format.rate",
        ),
        (
            (
                b'{"type":"session.update","session":{"type":"realtime","tools":[{"type":"function",'
                b'"name":"x","strict":true}]}}'
            ),
            "unknown_parameter",
            "session.tools[0].strict",
        ),
        (
            (
                b'{"type":"conversation.item.truncate","item_id":"i","content_index":0,'
                b'"audio_end_ms":1e999}'
            ),
            "invalid_value",
            "audio_end_ms",
        ),
        (
            (
                b'{"type":"conversation.item.truncate","item_id":"i","content_index":0,'
                b'"audio_end_ms":99999999999999999999}'
            ),
            "invalid_value",
            "audio_end_ms",
        ),
    ],
)
def test_M6_what_is_wrong_is_named(message: bytes, code: str, param: str | None) -> None:
    with pytest.raises(ClientError) as caught:
        decode(message)
    assert (caught.value.code, caught.value.param) == (code, param)
    assert caught.value.message


def test_M6_only_audio_may_be_large() -> None:
    text = "x" * 300_000
    with pytest.raises(ClientError, match="instructions"):
        decode(json.dumps({"type": "response.create", "response": {"instructions": text}}))
    tool = {"type": "function", "name": "f", "parameters": {"x": "x" * MAX_EVENT_BYTES}}
    with pytest.raises(ClientError, match="too large"):
        decode(json.dumps({"type": "response.create", "response": {"tools": [tool]}}))
    large = decode(
        json.dumps({"type": "input_audio_buffer.append", "audio": "A" * 2 * MAX_EVENT_BYTES})
    )
    assert isinstance(large, Append)


def test_M6_bad_base64() -> None:
    for text in ("A", "AAA", "AA-_", "AA AA", "ü"):
        with pytest.raises(ClientError, match="base64") as caught:
            decode_audio(text, "audio")
        assert caught.value.param == "audio"
    with pytest.raises(ClientError, match="at most"):
        decode_audio("AAAA" * (MAX_AUDIO_BYTES // 3 + 1), "audio")


def test_event_ids_are_found_where_they_can_be() -> None:
    assert event_id_of(b'{"type":"nope","event_id":"mine"}') == "mine"
    assert event_id_of(b'{"event_id":7}') is None
    assert event_id_of(b"{") is None
    assert event_id_of(b"[" * 100_000) is None
    assert len(event_id_of(json.dumps({"event_id": "x" * 9999})) or "") == 512


@given(st.binary(max_size=200) | st.text(max_size=200))
def test_M6_garbage_is_an_error_and_nothing_else(message: bytes | str) -> None:
    with pytest.raises(ClientError):
        decode(message)
    event_id_of(message)


def test_ids_are_never_given_twice() -> None:
    outbox = Outbox("abc")
    assert len({outbox.new_id("item") for _ in range(1000)}) == 1000
