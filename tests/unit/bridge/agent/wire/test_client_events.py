import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sipua.bridge.agent.live import protocol as live
from sipua.bridge.agent.realtime import protocol as realtime
from sipua.bridge.agent.wire.client_events import MAX_AUDIO_BYTES, decode_audio, event_id_of
from sipua.bridge.agent.wire.errors import ClientError


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
    for decoder in (realtime.DECODER, live.DECODER):
        with pytest.raises(ClientError):
            decoder.decode(message)
    event_id_of(message)
