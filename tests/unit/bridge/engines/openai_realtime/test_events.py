import contextlib
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sipua.bridge.engines.openai.decoder import WireError
from sipua.bridge.engines.openai_realtime.vocabulary import GA
from support.engine.realtime_types import SERVER_MODELS
from support.engine.vendor_types import event_type, sample

BY_TYPE = {event_type(model): model for model in SERVER_MODELS}


@pytest.mark.parametrize(
    ("message", "reason"),
    [
        (b'{"type":"response.output_audio.delta","item_id":"\xff","delta":""}', "malformed"),
        (b'{"type":"error"}', "malformed"),
        (b'{"type":"error","error":"text"}', "malformed"),
        (b'{"type":"response.output_audio.delta","item_id":"i"}', "malformed"),
        (b'{"type":"response.output_audio.delta","item_id":"i","delta":{}}', "malformed"),
        (b'{"type":"response.done","response":[]}', "malformed"),
    ],
)
def test_M6_a_broken_event_has_a_reason(message: bytes, reason: str) -> None:
    with pytest.raises(WireError) as caught:
        GA.decoder.decode(message)
    assert caught.value.reason == reason


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3)
    ),
    max_leaves=8,
)


@given(st.sampled_from(sorted(GA.decoder.handled | GA.ignored)), st.data())
def test_a_known_event_with_any_field_broken_gives_an_event_or_a_reason(
    name: str, data: st.DataObject
) -> None:
    content: dict[str, Any] = sample(BY_TYPE[name], full=True)
    key = data.draw(st.sampled_from(sorted(content)))
    content[key] = data.draw(json_values)
    with contextlib.suppress(WireError):
        GA.decoder.decode(json.dumps(content))
