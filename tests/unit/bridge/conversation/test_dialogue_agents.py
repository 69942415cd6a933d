"""Engines that are agents of their own, and those that name their sessions; in virtual time."""

from __future__ import annotations

from dataclasses import replace

from sipua.bridge.conversation.rotation import MARGIN_S
from sipua.bridge.engine_api.events import (
    DropAudio,
    EngineHangsUp,
    PlayoutMark,
    ResponseStarted,
    SessionEnds,
    SessionHandle,
    ToolCall,
)
from sipua.bridge.engine_api.settings import PastMessage, PastToolCall
from sipua.bridge.events import EngineInUse, EngineOutage, ModelSilent
from support.engine.dialogue_call import POLICY, Call, answer, failure, passed
from support.virtual_time import in_virtual_time


@in_virtual_time
async def test_an_agent_that_begins_by_itself_is_not_asked_and_not_waited_for() -> None:
    call = Call(asks=False, resume=False)
    session = await call.begin()
    call.dialogue.speak("Greet.")
    await passed(60)
    assert session.done == []
    assert call.of(ModelSilent) == []
    session.lose()
    call.dialogue.speak("Where were we?")
    await passed(5)
    assert call.session is not session
    assert call.session.done == []
    assert not call.of(EngineInUse)[-1].speaks
    await call.dialogue.close()


@in_virtual_time
async def test_M3_an_agent_that_begins_by_itself_is_not_replaced_by_age_but_when_it_says_so() -> (
    None
):
    policy = replace(POLICY, rotate_after_s=3300.0, rotate_latest_s=3540.0)
    call = Call(asks=False, resume=False, policy=policy)
    session = await call.begin()
    await passed(5 * 3600)
    assert call.sessions.made == [session]
    session.say(SessionEnds(50.0))
    await passed(1)
    assert call.of(EngineInUse)[-1].why == "rotated"
    assert call.of(EngineOutage) == []
    await call.dialogue.close()


@in_virtual_time
async def test_keys_marks_and_orders_of_an_agent_pass() -> None:
    call = Call(asks=False, digits=True)
    session = await call.begin()
    call.dialogue.digit("5", 120)
    orders = [DropAudio(), EngineHangsUp("the stream was closed")]
    session.say(PlayoutMark("a1"), PlayoutMark("a2"), *orders)
    assert call.events[-2:] == orders
    one, two = call.of(PlayoutMark)
    call.dialogue.marked(one.name, played=False)
    assert session.done == [("digit", "5", 120), ("marked", "a1", False)]
    session.lose()
    call.dialogue.digit("6", 120)
    await passed(5)
    call.dialogue.marked(two.name, played=True)
    assert call.session.done == [], "they were for a session that is over"
    call.session.say(PlayoutMark("a2"))
    call.dialogue.marked(call.of(PlayoutMark)[-1].name, played=True)
    assert call.session.done == [("marked", "a2", True)]
    await call.dialogue.close()


@in_virtual_time
async def test_M2_the_next_session_goes_on_by_the_name_of_the_one_before() -> None:
    call = Call(resume=False)
    session = await call.begin()
    session.say(SessionHandle("h1"), SessionHandle("h2"), *answer("a1", "Hello!"))
    session.lose()
    await passed(5)
    assert (call.session.handle, call.session.past) == ("h2", ())
    assert call.of(EngineInUse)[-1].restored == 1
    call.session.say(SessionHandle(""))  # it cannot be left now
    call.session.lose()
    await passed(5)
    assert call.session.handle == ""
    await call.dialogue.close()


@in_virtual_time
async def test_M2_a_name_that_is_refused_costs_the_conversation_and_not_the_call() -> None:
    call = Call(resume=True)
    session = await call.begin()
    session.say(SessionHandle("h1"), *answer("a1", "Hello!"))
    call.sessions.fail("first", failure("server"))
    session.lose()
    await passed(0.1)
    refused, again = call.sessions.made[-2:]
    assert (refused.handle, again.handle) == ("h1", "")
    assert list(again.past) == [PastMessage("assistant", "Hello!")]
    assert call.counters["handles_refused"] == 1
    await call.dialogue.close()


@in_virtual_time
async def test_what_another_engine_has_of_the_conversation_gets_old() -> None:
    call = Call("first", "second", resume=True)
    session = await call.begin()
    session.say(SessionHandle("h1"), *answer("a1", "Hello!"))
    call.sessions.fail("first", failure("unauthorized"))
    session.lose()
    await passed(5)
    assert call.session.engine == "second"
    call.session.say(*answer("b1", "I am here, too."))
    call.sessions.fail("second", failure("unauthorized"))
    call.session.lose()
    await passed(5)
    assert (call.session.engine, call.session.handle) == ("first", "")
    await call.dialogue.close()


@in_virtual_time
async def test_M3_an_engine_that_tells_its_end_is_replaced_before() -> None:
    call = Call(policy=POLICY, resume=True)
    session = await call.begin()
    session.say(*answer("a1", "Hello!"))
    call.quiet = False
    session.say(SessionEnds(50.0))
    await passed(1)
    assert len(call.sessions.made) == 1, "somebody speaks"
    await passed(50 - MARGIN_S - 1 + 0.5)
    assert call.of(EngineInUse)[-1].why == "rotated"
    assert call.of(EngineOutage) == []
    await call.dialogue.close()


@in_virtual_time
async def test_M3_a_session_that_goes_on_with_another_is_made_behind_its_end() -> None:
    call = Call(one_session=True)
    session = await call.begin()
    session.say(SessionHandle("h1"), *answer("a1", "Hello!"), SessionEnds(50.0))
    await passed(1)
    again = call.session
    assert (again.handle, session.closed) == ("h1", True)
    assert call.of(EngineInUse)[-1].gap_ms < 1000
    await call.dialogue.close()


@in_virtual_time
async def test_M2_a_result_that_comes_in_the_gap_is_not_lost_with_a_name() -> None:
    call = Call(resume=True)
    session = await call.begin()
    session.say(SessionHandle("h1"), ResponseStarted("r1"), ToolCall("t1", "look", "{}", "r1"))
    call.sessions.gate.clear()
    session.lose()
    call.dialogue.tool_result("t1", "4711")
    call.sessions.gate.set()
    await passed(5)
    assert call.session.handle == "", "who goes on by it would wait for the result"
    assert PastToolCall("t1", "look", "{}", "4711") in call.session.past
    assert call.counters["handles_outdated"] == 1
    await call.dialogue.close()


@in_virtual_time
async def test_M4_a_session_that_hangs_is_not_gone_on_with() -> None:
    call = Call(policy=replace(POLICY, silent_after_s=2.0), resume=True)
    session = await call.begin()
    session.say(SessionHandle("h1"), *answer("a1", "Hello!"))
    call.dialogue.speak("Go on.")
    await passed(10)
    assert call.of(ModelSilent)[-1].action == "reconnecting"
    assert call.sessions.made[1].handle == ""
    await call.dialogue.close()


@in_virtual_time
async def test_M3_the_name_of_a_session_that_waits_is_not_that_of_the_one_in_use() -> None:
    call = Call(resume=True, one_session=True)
    session = await call.begin()
    session.say(*answer("a1", "Hello!"), SessionEnds(50.0))
    await passed(0.05)
    call.quiet = False
    await passed(0.2)
    waiting = call.session
    assert waiting is not session
    waiting.say(SessionHandle("of the one that waits"))
    session.say(*answer("a2", "By the way."))  # it is outdated by that
    await passed(0.05)
    session.lose()
    await passed(5)
    assert call.session.handle == ""
    assert PastMessage("assistant", "By the way.") in call.session.past
    await call.dialogue.close()
