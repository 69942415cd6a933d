import base64
from typing import Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sipua.bridge.engine_api.events import (
    AudioDelta,
    AudioDone,
    EngineFault,
    ResponseDone,
    ResponseStarted,
    SessionReady,
    Transcript,
    Unreadable,
    Usage,
    Used,
)
from sipua.bridge.engine_api.settings import (
    OPENAI_FORMATS,
    AudioFormat,
    EngineSettings,
    PastMessage,
)
from sipua.bridge.engines import create
from sipua.bridge.engines.openai_live.protocol import (
    FOLLOW,
    HEARD_NOTHING,
    HEARD_ONLY,
    SPEAK_NOW,
    OpenAILive,
)
from sipua.bridge.engines.openai_live.speech import CALLER_END_MS
from sipua.bridge.engines.openai_live.speech_gate import END_MS, MAX_DROP_MS, YIELD_MS
from support.engine.live_engine import (
    SESSION,
    engine,
    play,
    sent,
    server_event,
    silence,
    speech,
    without_audio,
    words,
)
from support.engine.live_types import (
    accepted_client_event,
)

# The session


def test_the_first_word_is_ours_and_ready_follows_once() -> None:
    live = OpenAILive(EngineSettings(instructions="Be kind."))
    (start,) = live.start()
    event = accepted_client_event(start)
    assert event["type"] == "session.start"
    assert event["event_id"] == "session.start#1"
    assert event["session"]["instructions"] == "Be kind."
    started = server_event("session.started", session=SESSION)
    assert live.receive(started) == (SessionReady("live_1"),)
    assert live.receive(started) == ()


def test_a_session_that_continues_another_tells_how_much_it_knows() -> None:
    live = OpenAILive(EngineSettings(past=[PastMessage("user", "Hello?"), PastMessage("user", "")]))
    live.start()
    assert live.receive(server_event("session.started", session=SESSION)) == (
        SessionReady("live_1", restored=1),
    )


def test_capabilities_are_those_of_the_protocol() -> None:
    can = engine().capabilities
    assert (can.speech_events, can.truncate, can.cancel) == (False, False, False)
    assert (can.tools, can.resume, can.paced_by_input) == (True, True, True)
    assert can.formats == OPENAI_FORMATS


@pytest.mark.parametrize("form", sorted(OPENAI_FORMATS))
def test_the_format_is_the_calls(form: AudioFormat) -> None:
    one = engine(audio=form)
    assert one.hears is one.speaks is form


@given(st.binary(max_size=2000))
def test_append_is_valid_and_carries_the_audio(audio: bytes) -> None:
    event = accepted_client_event(engine().append_audio(audio))
    assert event["type"] == "session.input_audio.append"
    assert base64.b64decode(event["audio"], validate=True) == audio


def test_the_bill_comes_in_totals_and_is_told_in_parts() -> None:
    live = engine()
    for total, more in ((15, 15), (15, None), (30.5, 15.5)):
        events = live.receive(server_event("session.usage.updated", usage={"seconds": total}))
        assert list(events) == ([Used(Usage(seconds=more), "session")] if more else [])


def test_the_goodbye_is_answered_with_the_rest_of_the_bill() -> None:
    live = engine()
    live.receive(server_event("session.usage.updated", usage={"seconds": 15}))
    assert sent(live.goodbye()) == [{"type": "session.close"}]
    assert not live.over
    closed = server_event(
        "session.closed", reason="close_requested", session=SESSION, usage={"seconds": 17}
    )
    assert live.receive(closed) == [Used(Usage(seconds=2), "session")]
    assert live.over
    assert live.goodbye() == ()


@pytest.mark.parametrize(
    ("reason", "code"),
    [
        ("expired", "session_expired"),
        ("content", "content_filter"),
        ("connection_lost", "session_closed_connection_lost"),
    ],
)
def test_a_session_that_the_vendor_closes_is_fatal(reason: str, code: str) -> None:
    live = engine()
    play(live, speech(200))
    closed = server_event("session.closed", reason=reason, session=SESSION, usage={"seconds": 1})
    done, _response, used, fault = live.receive(closed)
    assert done == AudioDone("assistant_1")
    assert used == Used(Usage(seconds=1), "session")
    assert isinstance(fault, EngineFault)
    assert (fault.code, fault.fatal) == (code, True)
    assert live.over


def test_M6_an_error_is_an_event_and_the_session_goes_on() -> None:
    live = engine()
    error = {
        "type": "invalid_request_error",
        "code": "unknown_parameter",
        "message": "No.",
        "client_event_id": "session.start#1",
    }
    assert live.receive(server_event("error", error=error)) == (
        EngineFault("unknown_parameter", "No.", "session.start#1"),
    )
    assert play(live, speech(100))


# What the model says


def test_what_is_said_is_an_item_of_our_own() -> None:
    live = engine()
    events = play(live, silence(500) + speech(400) + silence(END_MS + 200))
    audio = [event for event in events if isinstance(event, AudioDelta)]
    assert {event.item_id for event in audio} == {"assistant_1"}
    assert sum(len(event.audio) for event in audio) >= len(speech(400))
    assert without_audio(events) == [
        ResponseStarted("assistant_1"),
        AudioDone("assistant_1"),
        ResponseDone("assistant_1", "completed"),
    ]
    again = play(live, speech(200) + silence(END_MS + 200))
    assert without_audio(again)[0] == ResponseStarted("assistant_2")


def test_the_beginning_is_held_until_there_is_some_of_it() -> None:
    """What comes at the pace of speech and is played at once would have a hole for each delay."""
    live = engine()
    assert play(live, speech(100)) == [ResponseStarted("assistant_1")]
    (first,) = play(live, speech(100))
    assert first == AudioDelta("assistant_1", 0, speech(100) * 2)
    (second,) = play(live, speech(20))
    assert second == AudioDelta("assistant_1", 0, speech(20))


def test_a_short_word_is_not_held_for_ever() -> None:
    live = engine()
    events = play(live, speech(40) + silence(END_MS))
    assert b"".join(e.audio for e in events if isinstance(e, AudioDelta)).startswith(speech(40))
    short = engine()
    play(short, speech(60))
    for _ in range(50):
        short.append_audio(silence(20))
    said, *_ = words(short, "input", "Hello?")
    assert said == AudioDelta("assistant_1", 0, speech(60))


def test_no_two_sessions_use_one_name() -> None:
    """The playout would take the second session's first item for the one that it cut off."""
    names = set()
    for _ in range(2):
        live = create("openai_live", EngineSettings()).protocol
        assert isinstance(live, OpenAILive)
        (started,) = play(live, speech(100))
        assert isinstance(started, ResponseStarted)
        names.add(started.response_id)
    assert len(names) == 2


def test_the_silence_between_two_answers_goes_nowhere() -> None:
    assert play(engine(), silence(5000)) == []


def test_words_belong_to_what_is_being_said_or_is_about_to_be() -> None:
    live = engine()
    assert words(live, "output", "Hello,") == []
    begun = play(live, speech(100))
    assert begun[1] == Transcript("assistant_1", "assistant", "Hello,", final=False)
    assert words(live, "output", " you.") == [
        Transcript("assistant_1", "assistant", " you.", final=False)
    ]
    ended = without_audio(play(live, silence(END_MS)))
    assert ended[1] == Transcript("assistant_1", "assistant", "Hello, you.", final=True)


def test_the_caller_has_finished_when_no_more_words_come() -> None:
    live = engine()
    assert words(live, "input", "Is it") == [Transcript("user_1", "user", "Is it", final=False)]
    assert play(live, silence(CALLER_END_MS - 100)) == []
    words(live, "input", " open?")
    assert play(live, silence(CALLER_END_MS)) == [
        Transcript("user_1", "user", "Is it open?", final=True)
    ]
    assert words(live, "input", "Hello?") == [Transcript("user_2", "user", "Hello?", final=False)]


def test_the_caller_has_finished_when_the_model_begins() -> None:
    live = engine()
    words(live, "input", "Is it open?")
    begun = play(live, speech(100))
    assert begun[:2] == [
        Transcript("user_1", "user", "Is it open?", final=True),
        ResponseStarted("assistant_1"),
    ]


def test_a_track_that_stops_while_there_is_input_has_nothing_more_to_say() -> None:
    live = engine()
    play(live, speech(200))
    for _ in range(50):
        live.append_audio(silence(20))
    events = words(live, "input", "Hello?")
    assert events[:2] == [AudioDone("assistant_1"), ResponseDone("assistant_1", "completed")]


def test_M6_bad_base64_is_counted_and_the_item_goes_on() -> None:
    live = engine()
    play(live, speech(100))
    broken = server_event("session.output_audio.delta", delta="%")
    assert live.receive(broken) == (Unreadable("bad_base64", 1),)
    assert live.counters()["bad_base64"] == 1
    assert [
        event.item_id for event in play(live, speech(100)) if isinstance(event, AudioDelta)
    ] == ["assistant_1"]


@pytest.mark.parametrize("form", [AudioFormat.PCMU, AudioFormat.PCMA])
def test_G711_is_heard_and_handed_on_as_it_is(form: AudioFormat) -> None:
    live = engine(audio=form)
    tone = bytes([0x80 if form is AudioFormat.PCMU else 0xAA]) * 800
    tone += bytes([0x00 if form is AudioFormat.PCMU else 0x2A]) * 800
    delta = base64.b64encode(tone).decode()
    events = live.receive(server_event("session.output_audio.delta", delta=delta))
    assert list(events) == [
        ResponseStarted("assistant_1"),
        AudioDelta("assistant_1", 0, tone),
    ]


# Interruptions


def test_M5_what_was_interrupted_is_dropped_and_the_answer_is_not() -> None:
    live = engine()
    play(live, speech(300))
    assert live.truncate("assistant_1", 250) == ()
    assert live.cancel() == ()
    late = play(live, speech(400) + silence(YIELD_MS))
    assert late == [AudioDone("assistant_1"), ResponseDone("assistant_1", "cancelled")]
    assert live.counters()["late_ms"] == 400 + YIELD_MS
    answer = play(live, silence(800) + speech(100))
    assert answer[0] == ResponseStarted("assistant_2")
    assert live.counters()["cut"] == 1


def test_M5_cancel_alone_cuts_what_is_being_said() -> None:
    live = engine()
    play(live, speech(300))
    assert live.cancel() == ()
    assert without_audio(play(live, speech(100))) == [
        AudioDone("assistant_1"),
        ResponseDone("assistant_1", "cancelled"),
    ]


def test_M5_a_model_that_does_not_give_way_is_heard_again() -> None:
    live = engine()
    play(live, speech(300))
    live.cancel()
    events = play(live, speech(MAX_DROP_MS + 300))
    assert ResponseStarted("assistant_2") in events


def test_M5_words_that_nobody_heard_are_not_kept() -> None:
    live = engine()
    words(live, "output", "One")
    play(live, speech(300))
    live.cancel()
    assert words(live, "output", " two") == [
        AudioDone("assistant_1"),
        Transcript("assistant_1", "assistant", "One", final=True),
        ResponseDone("assistant_1", "cancelled"),
    ]
    play(live, silence(400))
    words(live, "output", "Three")
    assert Transcript("assistant_2", "assistant", "Three", final=False) in play(live, speech(100))
    assert live.counters()["late_words"] == 1


def test_M5_an_item_that_was_said_long_ago_but_played_late_takes_no_other_with_it() -> None:
    live = engine()
    play(live, speech(300) + silence(END_MS + 100))
    assert live.truncate("assistant_1", 100) == ()
    assert play(live, speech(100))[0] == ResponseStarted("assistant_2")


def test_M5_the_model_is_told_of_much_that_was_not_heard() -> None:
    live = engine()
    words(live, "output", "Hello, how are you today? I can do this and that for you.")
    play(live, speech(4000))
    (thought,) = sent(live.truncate("assistant_1", 2000))
    assert thought == {
        "type": "session.thinking.append",
        "delegation_id": None,
        "content": f'{HEARD_ONLY}"Hello, how are you today? I"',
    }
    assert live.truncate("assistant_1", 2000) == ()


def test_M5_nothing_at_all_was_heard() -> None:
    live = engine()
    play(live, speech(2000))
    (thought,) = sent(live.truncate("assistant_1", 0))
    assert thought["content"] == HEARD_NOTHING


def test_M5_nothing_to_interrupt() -> None:
    live = engine()
    assert live.cancel() == ()
    assert live.truncate("assistant_9", 100) == ()
    assert play(live, speech(100))[0] == ResponseStarted("assistant_1")


# To speak unasked


def test_a_greeting_is_an_instruction_and_the_wish_that_it_be_followed_now() -> None:
    assert sent(engine().speak("Say hello.")) == [
        {"type": "session.instructions.append", "delegation_id": None, "content": "Say hello."},
        {"type": "session.commentary.append", "delegation_id": None, "content": FOLLOW},
    ]


def test_without_words_the_model_finds_its_own() -> None:
    assert sent(engine().speak(None)) == [
        {"type": "session.commentary.append", "delegation_id": None, "content": SPEAK_NOW}
    ]


def test_a_long_greeting_comes_in_pieces_and_a_book_is_cut_short() -> None:
    live = engine()
    text = "Say hello to everybody. " * 100
    *pieces, _last = sent(live.speak(text))
    assert len(pieces) > 1
    assert "".join(piece["content"] for piece in pieces) == text
    assert len(sent(live.speak("word " * 10_000))) == 17
    assert live.counters()["text_dropped"] > 0


@pytest.mark.parametrize(
    ("role", "respond", "types"),
    [
        ("system", False, ["session.instructions.append"]),
        ("system", True, ["session.instructions.append", "session.commentary.append"]),
        ("user", False, ["session.thinking.append"]),
        ("user", True, ["session.commentary.append"]),
    ],
)
def test_a_text_that_no_side_has_said(
    role: Literal["user", "system"], respond: bool, types: list[str]
) -> None:
    told = [
        accepted_client_event(one) for one in engine().inject(role, "It is late.", respond=respond)
    ]
    assert [one["type"] for one in told] == types
    assert "It is late." in told[0]["content"]
