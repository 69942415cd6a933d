import json

import msgspec
import pytest
from pydantic import BaseModel

from sipua.bridge.engines.openai.decoder import WireError
from sipua.bridge.engines.openai_live import events as wire
from support.engine.live_types import NESTED_MODELS
from support.engine.vendor_types import event_type, sample

NESTED_HANDLED = {
    "response.created",
    "response.output_item.done",
    "response.completed",
    "response.failed",
    "response.incomplete",
}


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
