"""The events of the vendor's two protocols, held against the vendor's own types."""

import json
from collections.abc import Callable
from dataclasses import dataclass
from types import ModuleType
from typing import Any

import pytest
from pydantic import BaseModel

from sipua.bridge.engines.openai.decoder import Other
from sipua.bridge.engines.openai_live import events as live
from sipua.bridge.engines.openai_realtime import events as realtime
from support.engine import live_types, realtime_types
from support.engine.vendor_types import event_type, sample


@dataclass(frozen=True)
class Vendor:
    wire: ModuleType
    models: tuple[type[BaseModel], ...]
    accepted: Callable[[str], object]

    def content(self, model: type[BaseModel], *, full: bool) -> dict[str, Any]:
        content = sample(model, full=full)
        if content["type"] == "response.event":  # a sample's nested event is a bare object
            content["event"] = sample(live_types.NESTED_MODELS[0], full=full)
        return content


REALTIME = Vendor(realtime, realtime_types.SERVER_MODELS, realtime_types.accepted_server_event)
LIVE = Vendor(live, live_types.SERVER_MODELS, live_types.accepted_server_event)
MODELS = [
    pytest.param(vendor, model, id=f"{name}-{event_type(model)}")
    for name, vendor in (("realtime", REALTIME), ("live", LIVE))
    for model in vendor.models
]


@pytest.mark.parametrize("vendor", [REALTIME, LIVE], ids=["realtime", "live"])
def test_every_type_of_the_vendor_is_handled_or_knowingly_ignored(vendor: Vendor) -> None:
    wire = vendor.wire
    assert {event_type(model) for model in vendor.models} == wire.DECODER.handled | wire.IGNORED
    assert not wire.DECODER.handled & wire.IGNORED


@pytest.mark.parametrize(("vendor", "model"), MODELS)
def test_every_event_of_the_vendor_is_decoded(vendor: Vendor, model: type[BaseModel]) -> None:
    decoder = vendor.wire.DECODER
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
    decode = vendor.wire.DECODER.decode
    assert decode(json.dumps(more)) == decode(json.dumps(content))
