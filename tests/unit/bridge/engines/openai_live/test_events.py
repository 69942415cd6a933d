import json
from typing import Any

import msgspec
import pytest
from pydantic import BaseModel

from sipua.bridge.engines.openai.decoder import Other, WireError
from sipua.bridge.engines.openai_live import events as wire
from support.engine.live_types import NESTED_MODELS, SERVER_MODELS, accepted_server_event
from support.engine.vendor_types import event_type, sample

BY_TYPE = {event_type(model): model for model in SERVER_MODELS}
NESTED_HANDLED = {
    "response.created",
    "response.output_item.done",
    "response.completed",
    "response.failed",
    "response.incomplete",
}


def event(model: type[BaseModel], *, full: bool) -> dict[str, Any]:
    content = sample(model, full=full)
    if content["type"] == "response.event":
        content["event"] = sample(NESTED_MODELS[0], full=full)
    return content


def test_every_type_of_the_vendor_is_handled_or_knowingly_ignored() -> None:
    assert set(BY_TYPE) == wire.DECODER.handled | wire.IGNORED
    assert not wire.DECODER.handled & wire.IGNORED


@pytest.mark.parametrize("model", SERVER_MODELS, ids=event_type)
def test_every_event_of_the_vendor_is_decoded(model: type[BaseModel]) -> None:
    for full in (True, False):
        message = json.dumps(event(model, full=full))
        accepted_server_event(message)
        for encoded in (message, message.encode()):
            decoded = wire.DECODER.decode(encoded)
            if event_type(model) in wire.DECODER.handled:
                assert type(decoded).__struct_config__.tag == event_type(model)
            else:
                assert decoded == Other(event_type(model))


@pytest.mark.parametrize("event_type_", sorted(wire.DECODER.handled))
def test_fields_that_we_do_not_know_change_nothing(event_type_: str) -> None:
    content = event(BY_TYPE[event_type_], full=True)
    more = {"new": {"deep": [1, "2", None]}, **content, "newer": [[]]}
    assert wire.DECODER.decode(json.dumps(more)) == wire.DECODER.decode(json.dumps(content))


@pytest.mark.parametrize("model", NESTED_MODELS, ids=event_type)
def test_every_step_of_a_delegated_response_is_decoded(model: type[BaseModel]) -> None:
    for full in (True, False):
        content = sample(model, full=full)
        decoded = wire.decode_nested(msgspec.Raw(json.dumps(content).encode()))
        if event_type(model) in NESTED_HANDLED:
            assert type(decoded).__struct_config__.tag == event_type(model)
        else:
            assert decoded is None


@pytest.mark.parametrize(
    ("message", "reason"),
    [
        (b'{"type":"session.output_audio.delta","delta":"\xff"}', "malformed"),
        (b'{"type":"session.output_audio.delta"}', "malformed"),
        (b'{"type":"session.started","session":null}', "malformed"),
        (b'{"type":"response.event"}', "malformed"),
    ],
)
def test_M6_a_broken_event_has_a_reason(message: bytes, reason: str) -> None:
    with pytest.raises(WireError) as caught:
        wire.DECODER.decode(message)
    assert caught.value.reason == reason


@pytest.mark.parametrize(
    ("nested", "reason"),
    [
        (b"7", "malformed"),
        (b'{"type":"response.created"}', "malformed"),
        (b'{"type":"response.output_item.done","item":{}}', "malformed"),
    ],
)
def test_M6_a_nested_event_that_is_none_says_why(nested: bytes, reason: str) -> None:
    with pytest.raises(WireError) as caught:
        wire.decode_nested(msgspec.Raw(nested))
    assert caught.value.reason == reason
