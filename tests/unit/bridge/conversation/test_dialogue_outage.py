"""A session is lost and the next one goes on, in virtual time: what is told, asked and kept."""

from __future__ import annotations

from dataclasses import replace

import pytest

from sipua.bridge.engine_api.events import (
    AudioDelta,
    EngineFault,
    ResponseDone,
    ResponseStarted,
    SpeechStarted,
    SpeechStopped,
    ToolCall,
    Transcript,
    Usage,
    Used,
)
from sipua.bridge.engine_api.settings import AudioFormat, PastMessage, PastSpeech, PastToolCall
from sipua.bridge.events import EngineGone, EngineInUse, EngineOutage
from sipua.codecs.g711 import Law, encode
from sipua.codecs.tones import sine
from support.engine.dialogue_call import (
    FRAME_24K,
    PHRASE,
    Call,
    answer,
    failure,
    now,
    passed,
)
from support.virtual_time import in_virtual_time


@in_virtual_time
async def test_M2_the_next_session_is_told_what_was_said_and_goes_on() -> None:
    call = Call()
    session = await call.begin()
    session.say(*answer("a1", "Hello!"))
    session.say(SpeechStarted("u1", 0), SpeechStopped("u1", 500))
    session.say(Transcript("u1", "user", "My order?", final=True))
    session.say(ResponseStarted("r2"), AudioDelta("a2", 0, b"\x00" * 4800))
    session.lose(1011)
    assert call.of(EngineOutage) == [EngineOutage("first", "connection lost: 1011")]
    await passed(0.01)
    again = call.session
    assert again is not session
    assert list(again.past) == [
        PastMessage("assistant", "Hello!"),
        PastMessage("user", "My order?"),
    ]
    assert again.spoken == [PHRASE]
    assert call.events[-1] == EngineInUse(
        "first",
        AudioFormat.PCM16,
        "session-2",
        "reconnected",
        restored=2,
        capabilities=again.capabilities,
        speaks=True,
        connect_ms=0,
    )
    assert session.closed
    counters = call.counters
    assert (counters["outages"], counters["reconnected"], counters["lost_1011"]) == (1, 1, 1)
    await call.dialogue.close()


@in_virtual_time
async def test_M2_nothing_is_said_when_it_was_the_callers_turn() -> None:
    call = Call()
    session = await call.begin()
    session.say(*answer("a1", "Hello!"))
    session.lose()
    await passed(0.01)
    assert call.session.spoken == []
    assert not call.of(EngineInUse)[-1].speaks
    await call.dialogue.close()


@in_virtual_time
async def test_M2_a_greeting_that_was_not_said_is_asked_for_again() -> None:
    """In its own words: the caller has not heard a line that was interrupted."""
    call = Call()
    session = await call.begin()
    call.dialogue.speak("Greet.")
    session.lose()
    await passed(0.01)
    assert call.session.spoken == ["Greet."]
    call.session.lose()  # once more, before a word
    await passed(0.5)
    assert call.session.spoken == ["Greet."]
    await call.dialogue.close()


@in_virtual_time
async def test_M2_who_has_heard_something_is_told_of_the_interruption() -> None:
    call = Call()
    session = await call.begin()
    session.say(*answer("a1", "Hello!"))
    call.dialogue.speak("Ask for the number.")
    session.lose()
    await passed(0.01)
    assert call.session.spoken == [f"{PHRASE}\n\nAsk for the number."]
    await call.dialogue.close()


@in_virtual_time
async def test_M2_what_two_sessions_name_alike_is_not_the_same() -> None:
    call = Call()
    session = await call.begin()
    session.say(ResponseStarted("r1"), AudioDelta("a1", 0, FRAME_24K))
    session.say(ToolCall("c1", "order", "{}", "r1"), ResponseDone("r1", "completed"))
    call.dialogue.tool_result("c1", "sent")
    session.lose()
    await passed(0.01)
    again = call.session
    again.say(ResponseStarted("r1"), AudioDelta("a1", 0, FRAME_24K))
    again.say(ToolCall("c1", "order", "{}", "r1"), ResponseDone("r1", "completed"))
    first, second = call.of(AudioDelta)
    assert first.item_id != second.item_id
    one, two = call.of(ToolCall)
    assert one.call_id != two.call_id
    assert two.response_id == call.of(ResponseStarted)[1].response_id != one.response_id
    again.done.clear()
    call.dialogue.truncate(first.item_id, 20)
    assert again.done == [], "that item is not of this session"
    call.dialogue.truncate(second.item_id, 20)
    call.dialogue.tool_result(two.call_id, "sent", respond=False)
    assert again.done == [("truncate", "a1", 20), ("tool_result", "c1", "sent", False)]
    await call.dialogue.close()


@in_virtual_time
async def test_M2_what_the_caller_says_in_the_outage_reaches_the_next_session() -> None:
    call = Call()
    session = await call.begin()
    call.dialogue.speak(None)
    session.say(ResponseStarted("r1"))
    call.sessions.gate.clear()
    session.lose()
    tone = sine(400, 20, 24_000).tobytes()
    for _ in range(100):
        call.dialogue.append(tone)
        await passed(0.02)
    call.sessions.gate.set()
    await passed(0.01)
    again = call.session
    assert len(b"".join(again.heard)) == pytest.approx(100 * len(tone), abs=400)
    assert len(again.heard) == 2  # few messages: the queue drops the oldest of many
    assert call.of(EngineInUse)[-1].gap_ms == pytest.approx(2000, abs=40)
    assert call.of(EngineInUse)[-1].caught_up_ms == pytest.approx(2000, abs=10)
    # It may be a turn, which the engine answers by itself: it is not asked at once.
    assert again.spoken == []
    again.say(SpeechStarted("u1", 0))
    await passed(2)
    assert again.spoken == []
    await call.dialogue.close()


@in_virtual_time
async def test_M2_if_what_was_caught_up_is_no_turn_the_model_goes_on() -> None:
    call = Call()
    session = await call.begin()
    call.dialogue.speak(None)
    session.lose()
    call.dialogue.append(sine(400, 400, 24_000).tobytes())
    await passed(0.3)
    assert call.session.spoken == []
    await passed(0.3)
    assert call.session.spoken == [PHRASE]
    await call.dialogue.close()


@in_virtual_time
async def test_M2_a_turn_without_a_transcript_is_told_as_sound() -> None:
    call = Call(formats={"first": AudioFormat.PCMU})
    session = await call.begin()
    said = encode(Law.PCMU, sine(400, 1000, 8000))
    call.dialogue.append(said)
    session.say(SpeechStarted("u1", 100), SpeechStopped("u1", 900))
    session.lose()
    await passed(0.6)
    assert list(call.session.past) == [PastSpeech(said[800:7200])]
    assert call.session.spoken == [PHRASE]  # it had to answer
    await call.dialogue.close()


@in_virtual_time
async def test_M2_a_tool_that_runs_through_the_outage() -> None:
    call = Call()
    session = await call.begin()
    session.say(ResponseStarted("r1"), ToolCall("c1", "order", "{}", "r1"))
    session.say(ResponseDone("r1", "completed"))
    session.lose()
    await passed(0.01)
    again = call.session
    assert list(again.past) == [PastToolCall("c1", "order", "{}", None)]
    assert again.done == []
    call.dialogue.tool_result("c1", "sent")
    assert again.done == [("tool_result", "c1", "sent", True)]
    await call.dialogue.close()


@in_virtual_time
async def test_M2_a_result_that_comes_while_the_next_session_connects() -> None:
    call = Call()
    session = await call.begin()
    session.say(ToolCall("c1", "order", "{}", "r1"), ResponseDone("r1", "completed"))
    call.sessions.gate.clear()
    session.lose()
    await passed(1)
    assert list(call.session.past) == [PastToolCall("c1", "order", "{}", None)]
    call.dialogue.tool_result("c1", "sent")
    call.sessions.gate.set()
    await passed(0.01)
    assert call.session.done == [("tool_result", "c1", "sent", False), ("speak", PHRASE)]
    assert call.counters["results_in_outage"] == 1
    await call.dialogue.close()


@in_virtual_time
async def test_a_session_that_cannot_be_told_the_past_gets_no_results_of_it() -> None:
    call = Call(resume=False)
    session = await call.begin()
    session.say(ToolCall("c1", "order", "{}", "r1"), ResponseDone("r1", "completed"))
    session.lose()
    await passed(0.01)
    call.dialogue.tool_result("c1", "sent")
    assert call.session.done == []
    assert call.of(EngineInUse)[-1].restored == 0
    assert call.counters["results_unknown_to_session"] == 1
    await call.dialogue.close()


@in_virtual_time
async def test_M2_a_fatal_fault_does_not_wait_for_the_close() -> None:
    call = Call()
    session = await call.begin()
    session.say(EngineFault("session_expired", "over", fatal=True))
    assert call.of(EngineOutage) == [EngineOutage("first", "session_expired: over")]
    session.lose()  # the close that follows is an echo
    await passed(0.01)
    assert len(call.sessions.made) == 2
    assert len(call.of(EngineOutage)) == 1
    await call.dialogue.close()


@in_virtual_time
async def test_M2_an_engine_that_is_gone_is_tried_until_the_time_is_over() -> None:
    call = Call()
    session = await call.begin()
    call.sessions.fail("first", *[failure("refused")] * 100)
    session.lose()
    began = now()
    while not call.of(EngineGone):
        await passed(0.1)
    assert now() - began == pytest.approx(15, abs=2.1)
    assert "refused" in call.of(EngineGone)[0].cause
    assert "1006" in call.of(EngineGone)[0].cause
    assert len(call.of(EngineOutage)) == 1
    assert call.counters["gone"] == 1
    call.dialogue.append(FRAME_24K)
    call.dialogue.speak("Anyone?")
    await call.dialogue.close()


@in_virtual_time
async def test_M2_the_second_engine_takes_over_before_the_time_is_over() -> None:
    call = Call("first", "second", formats={"second": AudioFormat.PCMU})
    session = await call.begin()
    session.say(*answer("a1", "Hello!"))
    call.sessions.fail("first", *[failure("refused")] * 100)
    session.lose()
    began = now()
    while len(call.of(EngineInUse)) < 2:
        await passed(0.1)
    assert now() - began <= 7.6  # half of the time
    news = call.of(EngineInUse)[-1]
    assert (news.engine, news.why, news.format) == ("second", "fallback", AudioFormat.PCMU)
    assert list(call.session.past) == [PastMessage("assistant", "Hello!")]
    assert call.counters["fallback"] == 1
    await call.dialogue.close()


@in_virtual_time
async def test_M2_a_close_that_is_not_worth_another_attempt() -> None:
    call = Call("first", "second")
    session = await call.begin()
    session.lose(1008, retryable=False)
    await passed(0.01)
    assert call.session.engine == "second"
    call.session.lose(1008, retryable=False)
    await passed(1)
    assert call.of(EngineGone)  # the second was never proven: it was still the same outage
    await call.dialogue.close()


@in_virtual_time
async def test_M2_sessions_that_die_at_once_do_not_go_on_for_ever() -> None:
    call = Call()
    await call.begin()
    began = now()
    while not call.of(EngineGone):
        assert now() - began < 20
        if not call.session.closed:
            call.session.lose()
        await passed(0.05)
    assert 4 < len(call.sessions.made) < 20
    await call.dialogue.close()


@in_virtual_time
async def test_M2_a_session_that_has_spoken_begins_a_new_account() -> None:
    call = Call()
    await call.begin()
    for number in range(30):
        call.session.say(*answer(f"a{number}", "Yes."))
        call.session.lose()
        await passed(1)
    assert call.of(EngineGone) == []
    assert len(call.of(EngineInUse)) == 31
    await call.dialogue.close()


@in_virtual_time
async def test_M2_hung_up_during_the_outage() -> None:
    call = Call()
    session = await call.begin()
    call.sessions.gate.clear()
    session.lose()
    await passed(1)
    await call.dialogue.close()
    call.sessions.gate.set()
    await passed(20)
    assert [type(event) for event in call.events] == [EngineInUse, EngineOutage]
    assert len(call.sessions.made) == 2
    await call.dialogue.close()


@in_virtual_time
async def test_what_a_session_that_is_over_still_says_is_not_heard_but_its_bill_is() -> None:
    call = Call()
    session = await call.begin()
    session.lose()
    await passed(0.01)
    before = len(call.events)
    used = Used(Usage(seconds=3), "session")
    session.say(AudioDelta("late", 0, FRAME_24K), ToolCall("c1", "order", "{}", "r"), used)
    assert call.events[before:] == [replace(used, engine="first")]
    await call.dialogue.close()
