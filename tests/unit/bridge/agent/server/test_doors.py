"""Where the local agent is found, and what each of its addresses takes."""

from urllib.parse import urlsplit

import pytest
from websockets.datastructures import Headers
from websockets.http11 import Request
from websockets.typing import Subprotocol

from sipua.bridge.agent.server import doors

URL = f"ws://127.0.0.1:8765{doors.REALTIME}"


def test_the_addresses_for_programs_and_for_people() -> None:
    known = doors.addresses(URL)
    assert known == {
        "url": URL,
        "live_url": "ws://127.0.0.1:8765/v1/live/sessions",
        "gemini_url": f"ws://127.0.0.1:8765{doors.GEMINI}",
        "stream_url": "ws://127.0.0.1:8765/twilio/stream",
        "channel_url": "ws://127.0.0.1:8765/asterisk/media",
        "deepgram_url": "ws://127.0.0.1:8765/v1/agent/converse",
        "elevenlabs_url": "ws://127.0.0.1:8765/v1/convai/conversation",
    }
    assert {urlsplit(url).path for url in known.values()} == set(doors.ALL)
    said = doors.in_words(URL).split("\n")
    assert said[4] == "Behind Asterisk's chan_websocket: ws://127.0.0.1:8765/asterisk/media"
    assert len(said) == len(known)


@pytest.mark.parametrize("path", doors.ALL)
def test_a_query_is_taken_where_the_protocol_has_one(path: str) -> None:
    assert doors.takes(urlsplit(path))
    with_query = (doors.REALTIME, doors.CHANNEL, doors.ELEVENLABS)
    assert doors.takes(urlsplit(f"{path}?a=b")) is (path in with_query)


def test_the_name_of_a_dialect_is_a_parameter_like_others_to_a_channel() -> None:
    assert doors.dialect(urlsplit(f"{doors.REALTIME}?dialect=xai")) == "xai"
    assert doors.dialect(urlsplit(f"{doors.CHANNEL}?dialect=Viennese")) == "ga"


def test_the_subprotocol_of_a_channel_is_taken_and_no_other() -> None:
    media, realtime = Subprotocol("media"), Subprotocol("realtime")
    assert doors.subprotocol(None, [realtime, media]) == media
    assert doors.subprotocol(None, [realtime]) is None
    assert doors.subprotocol(None, []) is None


KEY = "a-key"


def asked(path: str, **headers: str) -> Request:
    named = Headers({name.replace("_", "-"): value for name, value in headers.items()})
    return Request(path, Headers({"Host": "127.0.0.1:8765", **named}))


@pytest.mark.parametrize(
    ("path", "headers"),
    [
        (doors.REALTIME, {"Authorization": f"Bearer {KEY}"}),
        (doors.REALTIME, {"api_key": KEY}),
        (doors.GEMINI, {"x_goog_api_key": KEY}),
        (doors.DEEPGRAM, {"Authorization": f"Token {KEY}"}),
        (f"{doors.SIGNED}?agent_id=a", {"xi_api_key": KEY}),
    ],
)
def test_the_key_is_where_the_vendor_has_it(path: str, headers: dict[str, str]) -> None:
    assert doors.has_key(asked(path, **headers), KEY)
    assert not doors.has_key(asked(path, **headers), "another")
    assert not doors.has_key(asked(path), KEY)


def test_a_signed_address_is_good_for_its_agent_alone() -> None:
    path = f"{doors.SIGNED}?agent_id=pcm_16000"
    url = urlsplit(doors.signed(asked(path), urlsplit(path), KEY)["signed_url"])
    assert (url.netloc, url.path) == ("127.0.0.1:8765", doors.ELEVENLABS)
    assert doors.has_key(asked(f"{url.path}?{url.query}"), KEY)
    assert not doors.has_key(asked(f"{url.path}?{url.query}"), "another")
    assert not doors.has_key(asked(f"{url.path}?{url.query.replace('16000', '8000')}"), KEY)
    assert not doors.has_key(asked(f"{url.path}?agent_id=pcm_16000", xi_api_key=KEY), KEY)
