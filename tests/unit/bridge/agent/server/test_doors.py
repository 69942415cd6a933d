"""Where the local agent is found, and what each of its addresses takes."""

from urllib.parse import urlsplit

import pytest
from websockets.typing import Subprotocol

from sipua.bridge.agent.server import doors

URL = f"ws://127.0.0.1:8765{doors.REALTIME}"


def test_five_addresses_for_programs_and_for_people() -> None:
    known = doors.addresses(URL)
    assert known == {
        "url": URL,
        "live_url": "ws://127.0.0.1:8765/v1/live/sessions",
        "gemini_url": f"ws://127.0.0.1:8765{doors.GEMINI}",
        "stream_url": "ws://127.0.0.1:8765/twilio/stream",
        "channel_url": "ws://127.0.0.1:8765/asterisk/media",
    }
    assert {urlsplit(url).path for url in known.values()} == set(doors.ALL)
    said = doors.in_words(URL).split("\n")
    assert said[-1] == "Behind Asterisk's chan_websocket: ws://127.0.0.1:8765/asterisk/media"
    assert len(said) == len(known)


@pytest.mark.parametrize("path", doors.ALL)
def test_a_query_is_taken_where_the_protocol_has_one(path: str) -> None:
    assert doors.takes(urlsplit(path))
    assert doors.takes(urlsplit(f"{path}?a=b")) is (path in (doors.REALTIME, doors.CHANNEL))


def test_the_name_of_a_dialect_is_a_parameter_like_others_to_a_channel() -> None:
    assert doors.dialect(urlsplit(f"{doors.REALTIME}?dialect=xai")) == "xai"
    assert doors.dialect(urlsplit(f"{doors.CHANNEL}?dialect=Viennese")) == "ga"


def test_the_subprotocol_of_a_channel_is_taken_and_no_other() -> None:
    media, realtime = Subprotocol("media"), Subprotocol("realtime")
    assert doors.subprotocol(None, [realtime, media]) == media
    assert doors.subprotocol(None, [realtime]) is None
    assert doors.subprotocol(None, []) is None
