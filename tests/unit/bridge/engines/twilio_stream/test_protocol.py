"""One stream, in the part of Twilio: what the call hears of the agent, and it of the call."""

import base64
import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sipua.bridge.engine_api.events import (
    AudioDelta,
    AudioDone,
    DropAudio,
    EngineHangsUp,
    Event,
    PlayoutMark,
    SessionReady,
    Unknown,
    Unreadable,
)
from sipua.bridge.engine_api.settings import AudioFormat, CallIdentity, EngineSettings
from sipua.bridge.engines import ENGINES, create
from sipua.bridge.engines.streams.speech_items import QUIET_MS
from sipua.bridge.engines.twilio_stream.protocol import TwilioStream
from sipua.bridge.engines.twilio_stream.sids import USUAL_ACCOUNT, call_sid

SPEECH = bytes(range(160))
FRAME = b"\xff" * 160


def begun(**settings: Any) -> tuple[TwilioStream, dict[str, Any]]:
    """A stream, and what its agent was told at the start."""
    stream = TwilioStream(EngineSettings(**settings))
    _, start = stream.start()
    stream.take_events()
    return stream, json.loads(start)


def agent(event: str, **fields: Any) -> bytes:
    return json.dumps({"event": event, "streamSid": "MZ", **fields}).encode()


def media(audio: bytes = SPEECH) -> bytes:
    return agent("media", media={"payload": base64.b64encode(audio).decode()})


def mark(name: str) -> bytes:
    return agent("mark", mark={"name": name})


def told(messages: Any) -> dict[str, Any]:
    (message,) = messages
    read: dict[str, Any] = json.loads(message)
    return read


def test_it_is_ready_when_the_agent_was_told_of_the_call() -> None:
    call = CallIdentity("call-1", parameters={"tenant": "a"})
    stream = TwilioStream(EngineSettings(call=call, account_sid="AC" + "7" * 32))
    connected, start = map(json.loads, stream.start())
    assert connected["event"] == "connected"
    assert start["start"]["callSid"] == call_sid("call-1")
    assert start["start"]["accountSid"] == "AC" + "7" * 32
    assert start["start"]["customParameters"] == {"tenant": "a"}
    assert stream.take_events() == [SessionReady(start["streamSid"])]
    assert stream.take_events() == ()


def test_without_an_account_it_has_the_usual_one() -> None:
    _, start = begun()
    assert start["start"]["accountSid"] == USUAL_ACCOUNT


def test_what_the_agent_says_is_handed_on_untouched() -> None:
    stream, _ = begun()
    assert stream.hears is stream.speaks is AudioFormat.PCMU
    assert stream.receive(media()) == (AudioDelta("speech_1", 0, SPEECH),)
    assert stream.receive(media(b"\x01")) == (AudioDelta("speech_1", 0, b"\x01"),)
    assert stream.receive(media(b"")) == ()
    assert stream.counters()["empty_media"] == 1


def test_an_item_is_over_when_the_agent_has_been_quiet_for_a_while() -> None:
    stream, _ = begun()
    stream.receive(media())
    for _ in range(QUIET_MS // 20 - 1):
        stream.append_audio(FRAME)
    stream.receive(media())  # and it begins anew
    for _ in range(QUIET_MS // 20 - 1):
        stream.append_audio(FRAME)
        assert stream.take_events() == ()
    stream.append_audio(FRAME)
    assert stream.take_events() == [AudioDone("speech_1")]
    stream.append_audio(FRAME * 100)
    assert stream.take_events() == ()
    assert stream.receive(media()) == (AudioDelta("speech_2", 0, SPEECH),)


def test_M5_a_clear_drops_what_is_queued_and_what_follows_is_heard() -> None:
    stream, _ = begun()
    stream.receive(media())
    assert stream.receive(agent("clear")) == (DropAudio(),)
    stream.append_audio(FRAME * 100)
    assert stream.take_events() == ()  # the item was over with the order
    assert stream.receive(media()) == (AudioDelta("speech_2", 0, SPEECH),)


def test_marks_come_back_by_their_names_played_or_dropped() -> None:
    stream, start = begun()
    assert stream.receive(mark("a")) == (PlayoutMark("a"),)
    assert stream.receive(mark("")) == (PlayoutMark(""),)
    back = told(stream.marked("a", played=True))
    assert back["mark"] == {"name": "a"}
    assert back["streamSid"] == start["streamSid"]
    assert told(stream.marked("", played=False))["mark"] == {"name": ""}


def test_marks_of_one_name_come_back_each_once_and_no_others() -> None:
    stream, _ = begun()
    stream.receive(mark("a"))
    stream.receive(mark("a"))
    assert stream.marked("a", played=True)
    assert stream.marked("a", played=False)
    assert stream.marked("a", played=True) == ()  # of the stream that was lost before this one
    assert stream.marked("b", played=True) == ()
    assert stream.counters()["marks_of_others"] == 2


def test_digits_are_told() -> None:
    stream, _ = begun()
    assert told(stream.digit("5", 120))["dtmf"] == {"track": "inbound_track", "digit": "5"}
    assert stream.digit("hold", 120) == ()
    assert stream.counters()["digits_unknown"] == 1


@pytest.mark.parametrize("code", [1000, 1001, 1005])
def test_the_agent_hangs_up_by_closing(code: int) -> None:
    stream, _ = begun()
    (event,) = stream.closed(code)
    assert isinstance(event, EngineHangsUp)


@pytest.mark.parametrize("code", [1006, 1008, 1011, 1012, 4400])
def test_an_agent_that_breaks_down_has_not_hung_up(code: int) -> None:
    stream, _ = begun()
    assert stream.closed(code) == ()


def test_it_ends_with_stop_and_waits_for_nothing() -> None:
    stream, _ = begun()
    assert not stream.over
    assert told(stream.goodbye())["event"] == "stop"
    assert stream.over


@pytest.mark.parametrize(
    ("message", "counter"),
    [
        (b"not json", "bad_json"),
        (b"\x7f\xff\x00", "bad_json"),
        (b"[]", "malformed"),
        (agent("media", media={"payload": "*"}), "bad_base64"),
        (agent("mark", mark={"name": "x" * 1001}), "oversize"),
        (b'"' + b"x" * 5_000_000 + b'"', "oversize"),
    ],
    ids=["text", "binary", "list", "base64", "long name", "size"],
)
def test_M6_what_cannot_be_read_is_counted_and_the_stream_goes_on(
    message: bytes, counter: str
) -> None:
    stream, _ = begun()
    (said,) = stream.receive(message)
    assert isinstance(said, Unreadable)
    assert said.reason == counter
    assert stream.counters()[counter] == 1
    assert stream.receive(media()) == (AudioDelta("speech_1", 0, SPEECH),)


def test_M6_what_agents_in_use_send_besides_is_survived() -> None:
    stream, start = begun()
    assert stream.receive(agent("mark")) == ()
    assert stream.receive(b'{"event":"mark","mark":null}') == ()
    assert stream.counters()["nameless_marks"] == 2
    assert stream.receive(agent("hologram" * 20)) == (Unknown(("hologram" * 20)[:64]),)
    assert stream.receive(b'{"event":"clear"}') == (DropAudio(),)
    assert stream.receive(b'{"event":"clear","streamSid":null}') == (DropAudio(),)
    own = {"event": "clear", "streamSid": start["streamSid"]}
    before = stream.counters()["without_stream"]
    assert stream.receive(json.dumps(own)) == (DropAudio(),)
    assert stream.counters()["without_stream"] == before > 0


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=10),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner),
    max_leaves=5,
)
_FIELDS = st.fixed_dictionaries(
    {"event": st.sampled_from(["media", "mark", "clear", "start"])},
    optional={
        "media": _JSON | st.fixed_dictionaries({"payload": _JSON}),
        "mark": _JSON | st.fixed_dictionaries({"name": _JSON}),
        "streamSid": _JSON,
    },
)


@given(st.lists(st.binary(max_size=80) | _FIELDS.map(json.dumps), max_size=8))
def test_any_messages_are_survived_and_all_that_is_sent_is_json(said: list[bytes | str]) -> None:
    stream, _ = begun()
    open_item = ""
    for message in said:
        events: list[Event | Unreadable] = [*stream.receive(message)]
        for _ in range(30):
            json.loads(stream.append_audio(FRAME))
        events += stream.take_events()
        for event in events:
            if isinstance(event, AudioDelta):
                assert open_item in ("", event.item_id)
                open_item = event.item_id
            elif isinstance(event, AudioDone):
                assert event.item_id == open_item
                open_item = ""
            elif isinstance(event, DropAudio):
                open_item = ""
            elif isinstance(event, PlayoutMark):
                json.loads(*stream.marked(event.name, played=False))
    assert open_item == ""


def test_the_upgrade_is_that_of_twilio() -> None:
    engine = create(
        "twilio_stream",
        EngineSettings(url="wss://example.com/stream", api_key="12345", headers={"X-Tenant": "a"}),
    )
    assert engine.url == "wss://example.com/stream"
    assert dict(engine.headers) == {
        "User-Agent": "TwilioProxy/1.1",
        "X-Twilio-Signature": "KG4JbhDlv15BMlxSTOWKt9btbgg=",
        "X-Tenant": "a",
    }
    assert "12345" not in repr(engine)


def test_without_a_token_nothing_is_signed() -> None:
    engine = create("twilio_stream", EngineSettings(url="wss://example.com/stream"))
    assert dict(engine.headers) == {"User-Agent": "TwilioProxy/1.1"}


def test_agents_may_accept_late() -> None:
    assert ENGINES["twilio_stream"].connect_timeout_s == 10


def test_begin_and_end_are_told_once_each() -> None:
    told_of: list[dict[str, str]] = []
    stream = TwilioStream(EngineSettings(on_stream=lambda form: told_of.append(dict(form))))
    _, message = stream.start()
    start = json.loads(message)["start"]
    stream.goodbye()
    about = {
        "AccountSid": start["accountSid"],
        "CallSid": start["callSid"],
        "StreamSid": start["streamSid"],
        "StreamName": start["streamSid"],
    }
    assert told_of == [
        {**about, "StreamEvent": "stream-started"},
        {**about, "StreamEvent": "stream-stopped"},
    ]


@pytest.mark.parametrize(
    ("code", "event"), [(1000, "stream-stopped"), (1006, "stream-error"), (1011, "stream-error")]
)
def test_an_end_by_the_agent_is_told(code: int, event: str) -> None:
    told_of: list[dict[str, str]] = []
    stream = TwilioStream(EngineSettings(on_stream=lambda form: told_of.append(dict(form))))
    stream.start()
    stream.closed(code)
    assert [form["StreamEvent"] for form in told_of] == ["stream-started", event]
    assert ("StreamError" in told_of[1]) == (event == "stream-error")
