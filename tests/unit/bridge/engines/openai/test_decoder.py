"""What no decoder of the vendor's events may choke on: those of both protocols are tried."""

import contextlib
import json
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sipua.bridge.engines.openai.decoder import (
    MAX_MESSAGE_BYTES,
    EventDecoder,
    Other,
    ServerEvent,
    WireError,
    decode_audio,
    read_part,
)
from sipua.bridge.engines.openai_live import events as live
from sipua.bridge.engines.openai_realtime.dialects import DIALECTS

DECODERS: list[EventDecoder[Any]] = [
    *(one.vocabulary.decoder for one in DIALECTS.values()),
    live.DECODER,
    live.NESTED,
]


class Delta(ServerEvent, tag="delta"):
    item_id: str
    delta: str


class Named(ServerEvent, tag="named"):
    name: str = ""


TOY: EventDecoder[Delta | Named] = EventDecoder(Delta | Named)


def test_the_types_are_those_of_the_union() -> None:
    assert TOY.handled == {"delta", "named"}


def test_the_type_may_stand_anywhere() -> None:
    assert TOY.decode(b'{"delta":"AAAA","item_id":"i","type":"delta"}') == Delta("i", "AAAA")


@pytest.mark.parametrize(
    ("message", "reason"),
    [
        (b"", "bad_json"),
        (b"{", "bad_json"),
        (b'{"type":"error"', "bad_json"),
        (b"\xff\xfe\x00", "bad_json"),
        (b'{"type":"\xff"}', "bad_json"),
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
        (b" " * (MAX_MESSAGE_BYTES + 1), "oversize"),
        (b'{"type":"delta","item_id":"i","delta":"' + b"A" * 16_000_000 + b'"}', "oversize"),
    ],
    ids=range(17),
)
def test_M6_what_is_not_an_event_has_a_reason(message: bytes | str, reason: str) -> None:
    for decoder in (TOY, *DECODERS):
        with pytest.raises(WireError) as caught:
            decoder.decode(message)
        assert (caught.value.reason, caught.value.size) == (reason, len(message))


def test_an_unknown_type_is_cut_short() -> None:
    for decoder in (TOY, *DECODERS):
        assert decoder.decode(json.dumps({"type": "x" * 1000})) == Other("x" * 64)


@given(st.binary(max_size=300) | st.text(max_size=300))
def test_any_bytes_give_an_event_or_a_reason(message: bytes | str) -> None:
    raw = msgspec.Raw(message.encode(errors="replace") if isinstance(message, str) else message)
    for decoder in DECODERS:
        for form in (message, raw):
            with contextlib.suppress(WireError):
                decoder.decode(form)


def test_audio_that_is_none_has_a_reason() -> None:
    assert decode_audio("AAE=") == b"\0\1"
    with pytest.raises(WireError) as caught:
        decode_audio("AA AA")
    assert (caught.value.reason, caught.value.size) == ("bad_base64", 5)


@pytest.mark.parametrize(
    "raw", [b"null", b"7", b"[]", b'{"name":7}', b"{", b"\xff", b"[" * 100_000]
)
def test_M6_a_part_that_cannot_be_read_is_not_there(raw: bytes) -> None:
    assert read_part(msgspec.Raw(raw), Named) is None
