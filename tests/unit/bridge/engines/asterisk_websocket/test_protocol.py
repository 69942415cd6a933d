"""One channel, in the part of Asterisk: what the call hears of the agent, and it of the call."""

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
    PlayoutMark,
    SessionReady,
    Unknown,
    Unreadable,
)
from sipua.bridge.engine_api.settings import AudioFormat, CallIdentity, EngineSettings
from sipua.bridge.engines import create
from sipua.bridge.engines.asterisk_websocket import protocol
from sipua.bridge.engines.asterisk_websocket.messages import MAX_MESSAGE_CHARS
from sipua.bridge.engines.asterisk_websocket.protocol import AsteriskWebsocket

CALL = CallIdentity("c-1", "+431", "100", parameters={"tenant": "a b"})
FRAME = b"\xff" * 160


def begun(**settings: Any) -> AsteriskWebsocket:
    channel = AsteriskWebsocket(EngineSettings(audio=AudioFormat.PCMU, call=CALL, **settings))
    channel.start()
    assert channel.take_events() == [SessionReady("c-1")]
    return channel


def as_json(**settings: Any) -> AsteriskWebsocket:
    return begun(control_messages="json", **settings)


def test_the_agent_is_told_of_the_channel_in_both_forms() -> None:
    text = AsteriskWebsocket(EngineSettings(audio=AudioFormat.PCMA, call=CALL))
    (start,) = text.start()
    assert start == (
        b"MEDIA_START connection_id:c-1 channel:WebSocket/c-1 channel_id:c-1 format:alaw "
        b"optimal_frame_size:160 ptime:20"
    )
    settings = EngineSettings(audio=AudioFormat.PCM16_16K, call=CALL, control_messages="json")
    (start,) = AsteriskWebsocket(settings).start()
    assert json.loads(start) == {
        "event": "MEDIA_START",
        "connection_id": "c-1",
        "channel": "WebSocket/c-1",
        "channel_id": "c-1",
        "format": "slin16",
        "optimal_frame_size": 640,
        "ptime": 20,
        "channel_variables": {"CALLERID(num)": "+431", "EXTEN": "100", "tenant": "a b"},
    }


def test_its_address_has_the_parameters_and_the_upgrade_the_subprotocol() -> None:
    url = "ws://agent.example/media?room=1"
    engine = create(
        "asterisk_websocket", EngineSettings(url=url, audio=AudioFormat.PCMU, call=CALL)
    )
    assert engine.url == "ws://agent.example/media?room=1&tenant=a+b"
    assert (engine.link.subprotocol, engine.link.binary_audio) == ("media", True)


def test_audio_is_binary_both_ways_and_untouched() -> None:
    channel = begun()
    assert channel.append_audio(FRAME) is FRAME
    assert channel.receive(b"{\x80") == (AudioDelta("speech_1", 0, b"{\x80"),)
    for _ in range(20):
        channel.append_audio(FRAME)
    assert channel.take_events() == [AudioDone("speech_1")]


@pytest.mark.parametrize("make", [begun, as_json])
@pytest.mark.parametrize(
    "command", ["MARK_MEDIA a 1", '{"command":"MARK_MEDIA","correlation_id":"a 1"}']
)
def test_a_mark_is_told_when_it_was_played_and_never_when_it_was_dropped(
    make: Any, command: str
) -> None:
    channel = make()
    (mark,) = channel.receive(command)
    assert isinstance(mark, PlayoutMark)
    assert channel.marked(mark.name, played=False) == ()
    (mark,) = channel.receive(command)
    (told,) = channel.marked(mark.name, played=True)
    if make is begun:
        assert told == b"MEDIA_MARK_PROCESSED a 1"
    else:
        assert json.loads(told) == {
            "event": "MEDIA_MARK_PROCESSED",
            "channel_id": "c-1",
            "correlation_id": "a 1",
        }


def test_what_was_buffered_is_an_item_that_ends_and_is_told() -> None:
    channel = begun()
    assert channel.receive("START_MEDIA_BUFFERING") == ()
    channel.receive(b"\x00" * 100)
    for _ in range(50):
        channel.append_audio(FRAME)
    assert channel.take_events() == (), "more is to come"
    assert channel.receive(b"\x00" * 100)[0].item_id == "speech_1"  # type: ignore[union-attr]
    done, mark = channel.receive("STOP_MEDIA_BUFFERING b1")
    assert done == AudioDone("speech_1")
    assert isinstance(mark, PlayoutMark)
    assert channel.marked(mark.name, played=True) == (b"MEDIA_BUFFERING_COMPLETED b1",)


def test_a_flush_drops_what_is_queued() -> None:
    channel = begun()
    channel.receive(b"\x00" * 1600)
    assert channel.receive("FLUSH_MEDIA") == (DropAudio(),)
    channel.receive("GET_STATUS")
    (status,) = channel.take_outgoing()
    assert b"queue_length:0 " in status
    assert channel.receive(b"\x00")[0] == AudioDelta("speech_2", 0, b"\x00")


def test_hang_up_and_close_end_the_call_and_a_broken_connection_does_not() -> None:
    channel = begun()
    assert channel.receive("HANGUP") == (EngineHangsUp("the agent sent HANGUP"),)
    assert isinstance(channel.closed(1000)[0], EngineHangsUp)
    assert channel.closed(1006) == ()


def test_keys_in_both_forms() -> None:
    assert begun().digit("#", 100) == (b"DTMF_END digit:# channel_id:c-1",)
    (told,) = as_json().digit("5", 100)
    assert json.loads(told) == {"event": "DTMF_END", "channel_id": "c-1", "digit": "5"}
    channel = begun()
    assert channel.digit("\n", 100) == ()
    assert channel.counters()["digits_unknown"] == 1


def test_an_agent_that_sends_too_much_is_told_to_wait_and_to_go_on() -> None:
    channel = begun()
    channel.receive(b"\x00" * 160 * 899)
    assert channel.take_outgoing() == ()
    channel.receive(b"\x00" * 160)
    assert channel.take_outgoing() == [b"MEDIA_XOFF"]
    channel.receive(b"\x00" * 160)
    assert channel.take_outgoing() == (), "once"
    for _ in range(101):
        channel.append_audio(FRAME)
    assert channel.take_outgoing() == ()
    channel.append_audio(FRAME)
    assert channel.take_outgoing() == [b"MEDIA_XON"]


def test_an_agent_that_waits_and_flushes_is_told_to_go_on() -> None:
    """Nothing is queued then, and nothing ever leaves the queue that would say so."""
    channel = begun()
    channel.receive(b"\x00" * 160 * 900)
    assert channel.take_outgoing() == [b"MEDIA_XOFF"]
    channel.receive("FLUSH_MEDIA")
    assert channel.take_outgoing() == [b"MEDIA_XON"]
    channel.receive("FLUSH_MEDIA")
    assert channel.take_outgoing() == ()


def test_an_empty_queue_is_told_when_all_that_came_was_played() -> None:
    channel = begun()
    channel.receive(b"\x00" * 160)
    (mark,) = channel.receive("REPORT_QUEUE_DRAINED")
    assert isinstance(mark, PlayoutMark)
    assert channel.receive("REPORT_QUEUE_DRAINED") == ()
    channel.receive(b"\x00" * 160)
    assert channel.marked(mark.name, played=True) == ()
    (again,) = channel.take_events()
    assert isinstance(again, PlayoutMark)
    assert channel.marked(again.name, played=True) == (b"QUEUE_DRAINED",)
    assert len(channel.receive("REPORT_QUEUE_DRAINED")) == 1


@pytest.mark.parametrize(
    ("message", "reason"),
    [
        ("{", "bad_json"),
        ('{"command":5}', "malformed"),
        ("", "malformed"),
        ("MARK_MEDIA " + "x" * 300, "malformed"),
        ("x" * (MAX_MESSAGE_CHARS + 1), "oversize"),
    ],
)
def test_M6_what_is_no_command_is_counted_and_answered(message: str, reason: str) -> None:
    channel = begun()
    assert channel.receive(message) == (Unreadable(reason, len(message)),)
    assert channel.counters()[reason] == 1
    assert channel.take_outgoing()[0].startswith(b"ERROR channel_id:c-1 error_text:")


def test_commands_that_we_do_not_have_are_answered() -> None:
    channel = begun()
    assert channel.receive("ANSWER") == ()
    assert channel.take_outgoing() == ()
    assert channel.receive("PAUSE_MEDIA") == ()
    assert channel.receive("SING") == (Unknown("SING"),)
    assert channel.take_outgoing() == [
        b"ERROR channel_id:c-1 error_text:PAUSE_MEDIA not supported",
        b"ERROR channel_id:c-1 error_text:SING not supported",
    ]


def test_marks_are_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(protocol, "_MAX_MARKS", 2)
    channel = begun()
    assert [type(channel.receive("MARK_MEDIA")[0]) for _ in range(3)] == [
        PlayoutMark,
        PlayoutMark,
        Unreadable,
    ]
    assert channel.marked("m", played=True) == (b"MEDIA_MARK_PROCESSED",)
    assert channel.counters()["marks_dropped"] == 1


@given(st.one_of(st.text(max_size=300), st.binary(max_size=300)))
def test_M6_nothing_that_an_agent_sends_raises(message: str | bytes) -> None:
    channel = begun()
    channel.receive(message)
    channel.take_outgoing()
