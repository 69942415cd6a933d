"""The events of the vendor's two protocols, held against the vendor's own types."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest
from pydantic import BaseModel

from sipua.bridge.engines.openai.decoder import EventDecoder, Other
from sipua.bridge.engines.openai_live import events as live
from sipua.bridge.engines.openai_realtime.vocabulary import BETA, GA, QWEN, VOICE_LIVE, XAI
from support.engine import beta_types, live_types, realtime_types, voice_live_types
from support.engine.vendor_types import event_type, sample


@dataclass(frozen=True)
class Vendor:
    decoder: EventDecoder[Any]
    ignored: frozenset[str]
    models: tuple[type[BaseModel], ...]
    accepted: Callable[[str], object]

    def content(self, model: type[BaseModel], *, full: bool) -> dict[str, Any]:
        content = sample(model, full=full)
        if content["type"] == "response.event":  # a sample's nested event is a bare object
            content["event"] = sample(live_types.NESTED_MODELS[0], full=full)
        return content


REALTIME = Vendor(
    GA.decoder, GA.ignored, realtime_types.SERVER_MODELS, realtime_types.accepted_server_event
)
BETA_TYPES = Vendor(
    BETA.decoder, BETA.ignored, beta_types.SERVER_MODELS, beta_types.accepted_server_event
)
LIVE = Vendor(
    live.DECODER, live.IGNORED, live_types.SERVER_MODELS, live_types.accepted_server_event
)
VENDORS = {"realtime": REALTIME, "beta": BETA_TYPES, "live": LIVE}
MODELS = [
    pytest.param(vendor, model, id=f"{name}-{event_type(model)}")
    for name, vendor in VENDORS.items()
    for model in vendor.models
]


@pytest.mark.parametrize("vendor", VENDORS.values(), ids=VENDORS)
def test_every_type_of_the_vendor_is_handled_or_knowingly_ignored(vendor: Vendor) -> None:
    known = vendor.decoder.handled | vendor.ignored
    assert {event_type(model) for model in vendor.models} == known
    assert not vendor.decoder.handled & vendor.ignored


def test_voice_live_s_types_are_handled_or_knowingly_ignored() -> None:
    known = VOICE_LIVE.decoder.handled | VOICE_LIVE.ignored
    assert known >= voice_live_types.SERVER_TYPES
    assert not VOICE_LIVE.decoder.handled & VOICE_LIVE.ignored


def test_xai_and_qwen_say_what_they_grew_from_says_and_a_little_more() -> None:
    assert XAI.decoder.handled - GA.decoder.handled == {
        "conversation.item.input_audio_transcription.updated"
    }
    assert QWEN.decoder.handled - BETA.decoder.handled == {"session.finished"}
    assert GA.decoder.handled < XAI.decoder.handled
    assert BETA.decoder.handled < QWEN.decoder.handled


@pytest.mark.parametrize(("vendor", "model"), MODELS)
def test_every_event_of_the_vendor_is_decoded(vendor: Vendor, model: type[BaseModel]) -> None:
    decoder = vendor.decoder
    for full in (True, False):
        message = json.dumps(vendor.content(model, full=full))
        vendor.accepted(message)
        for encoded in (message, message.encode()):
            event = decoder.decode(encoded)
            if event_type(model) in decoder.handled:
                assert type(event).__struct_config__.tag == event_type(model)
            else:
                assert event == Other(event_type(model))


@pytest.mark.parametrize(("vendor", "model"), MODELS)
def test_fields_that_we_do_not_know_change_nothing(vendor: Vendor, model: type[BaseModel]) -> None:
    content = vendor.content(model, full=True)
    more = {"new": {"deep": [1, "2", None]}, **content, "newer": [[]]}
    decode = vendor.decoder.decode
    assert decode(json.dumps(more)) == decode(json.dumps(content))
