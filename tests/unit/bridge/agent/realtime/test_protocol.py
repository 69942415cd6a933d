import json

import pytest

from sipua.bridge.agent.realtime.protocol import DECODER, Append
from sipua.bridge.agent.wire.client_events import MAX_EVENT_BYTES
from sipua.bridge.agent.wire.errors import ClientError
from support.engine.realtime_types import CLIENT_MODELS, accepted_client_event
from support.engine.vendor_types import event_type, sample


def test_every_event_of_the_vendor_is_known() -> None:
    assert set(DECODER.types) == {event_type(model) for model in CLIENT_MODELS}


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
    event = DECODER.decode(message)
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
        DECODER.decode(message)
    assert (caught.value.code, caught.value.param) == (code, param)
    assert caught.value.message


def test_M6_only_audio_may_be_large() -> None:
    text = "x" * 300_000
    with pytest.raises(ClientError, match="instructions"):
        DECODER.decode(json.dumps({"type": "response.create", "response": {"instructions": text}}))
    tool = {"type": "function", "name": "f", "parameters": {"x": "x" * MAX_EVENT_BYTES}}
    with pytest.raises(ClientError, match="too large"):
        DECODER.decode(json.dumps({"type": "response.create", "response": {"tools": [tool]}}))
    large = DECODER.decode(
        json.dumps({"type": "input_audio_buffer.append", "audio": "A" * 2 * MAX_EVENT_BYTES})
    )
    assert isinstance(large, Append)
