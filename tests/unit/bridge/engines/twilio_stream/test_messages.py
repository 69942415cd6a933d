"""What a stream tells its agent, to the letter, and what of the agent's can be read."""

import base64
import json
from typing import Any

import pytest

from sipua.bridge.engines.twilio_stream import messages
from sipua.bridge.engines.twilio_stream.messages import MessageError, StreamMessages, audio_of

STREAM = "MZ" + "0" * 32
ACCOUNT = "AC" + "1" * 32
CALL = "CA" + "2" * 32


def stream() -> StreamMessages:
    return StreamMessages(ACCOUNT, CALL, STREAM)


def test_the_beginning() -> None:
    made = stream()
    assert json.loads(made.connected()) == {
        "event": "connected",
        "protocol": "Call",
        "version": "1.0.0",
    }
    assert json.loads(made.start({"tenant": 'a"b'})) == {
        "event": "start",
        "sequenceNumber": "1",
        "streamSid": STREAM,
        "start": {
            "accountSid": ACCOUNT,
            "callSid": CALL,
            "streamSid": STREAM,
            "tracks": ["inbound"],
            "mediaFormat": {"encoding": "audio/x-mulaw", "sampleRate": 8000, "channels": 1},
            "customParameters": {"tenant": 'a"b'},
        },
    }


def test_parameters_are_an_object_also_where_there_are_none() -> None:
    assert json.loads(stream().start({}))["start"]["customParameters"] == {}


def test_numbers_go_up_by_one_and_the_time_is_that_of_the_audio() -> None:
    made = stream()
    made.start({})
    told = [
        made.media(bytes(160)),
        made.dtmf("#"),
        made.media(bytes(240)),
        made.mark("a"),
        made.media(bytes(160)),
        made.stop(),
    ]
    read: list[dict[str, Any]] = [json.loads(one) for one in told]
    assert [one["sequenceNumber"] for one in read] == ["2", "3", "4", "5", "6", "7"]
    assert {one["streamSid"] for one in read} == {STREAM}
    media = [one["media"] for one in read if one["event"] == "media"]
    assert [(one["chunk"], one["timestamp"]) for one in media] == [
        ("1", "20"),
        ("2", "50"),
        ("3", "70"),
    ]
    assert {one["track"] for one in media} == {"inbound"}
    assert read[1] == {
        "event": "dtmf",
        "sequenceNumber": "3",
        "streamSid": STREAM,
        "dtmf": {"track": "inbound_track", "digit": "#"},
    }
    assert read[3]["mark"] == {"name": "a"}
    assert read[5]["stop"] == {"accountSid": ACCOUNT, "callSid": CALL}


def test_audio_arrives_as_it_was() -> None:
    codes = bytes(range(256))
    told = json.loads(stream().media(codes))
    assert base64.b64decode(told["media"]["payload"], validate=True) == codes


def test_audio_of_any_length_is_read() -> None:
    codes = bytes(range(256)) * 300
    payload = base64.b64encode(codes).decode()
    said = messages.decode(json.dumps({"event": "media", "media": {"payload": payload}}))
    assert audio_of(said) == codes


@pytest.mark.parametrize(
    ("message", "reason"),
    [
        (b"", "bad_json"),
        (b"\x00\xff\xfe", "bad_json"),
        (b'{"event":"clear","media":' + b"[" * 100_000, "malformed"),
        (b'{"event":"clear","x":' + b"[" * 100_000, "bad_json"),
        (b"[]", "malformed"),
        (b"{}", "malformed"),
        (b'{"event":7}', "malformed"),
        (b'{"event":"mark","mark":{}}', "malformed"),
        (b'{"event":"mark","mark":{"name":7}}', "malformed"),
        (b'{"event":"media","media":{}}', "malformed"),
        (b'{"event":"clear","streamSid":7}', "malformed"),
        (b'"' + b"x" * (messages.MAX_MESSAGE_BYTES + 1) + b'"', "oversize"),
    ],
    ids=lambda one: str(one)[:30],
)
def test_what_cannot_be_read_is_named(message: bytes, reason: str) -> None:
    with pytest.raises(MessageError, match=reason):
        messages.decode(message)


@pytest.mark.parametrize(
    ("message", "reason"),
    [
        (b'{"event":"media"}', "malformed"),
        (b'{"event":"media","media":{"payload":"***"}}', "bad_base64"),
        (b'{"event":"media","media":{"payload":"\\u00e9"}}', "bad_base64"),
    ],
)
def test_media_without_audio_is_named(message: bytes, reason: str) -> None:
    with pytest.raises(MessageError, match=reason):
        audio_of(messages.decode(message))
