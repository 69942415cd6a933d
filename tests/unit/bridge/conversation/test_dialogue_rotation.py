"""An old session is replaced in a quiet moment, in virtual time."""

from __future__ import annotations

from sipua.bridge.conversation.policy import DialoguePolicy
from sipua.bridge.engine_api.events import (
    AudioDelta,
    ResponseDone,
    ResponseStarted,
    SpeechStarted,
    SpeechStopped,
    ToolCall,
)
from sipua.bridge.engine_api.settings import AudioFormat, PastMessage, PastToolCall
from sipua.bridge.events import EngineInUse, EngineOutage
from sipua.codecs.g711 import Law, encode
from sipua.codecs.tones import sine
from support.engine.dialogue_call import (
    FRAME_24K,
    PHRASE,
    Call,
    answer,
    failure,
    passed,
)
from support.virtual_time import in_virtual_time

ROTATING = DialoguePolicy(
    phrase=PHRASE, rotate_after_s=3300, rotate_latest_s=3540, filler_after_s=0
)


@in_virtual_time
async def test_M3_in_a_quiet_moment_another_session_takes_over() -> None:
    call = Call(policy=ROTATING)
    session = await call.begin()
    session.say(*answer("a1", "Hello!"))
    await passed(3134)
    assert len(call.sessions.made) == 1
    await passed(2)
    again = call.session
    assert again is not session
    assert list(again.past) == [PastMessage("assistant", "Hello!")]
    assert call.events[-1] == EngineInUse(
        "first",
        AudioFormat.PCM16,
        "session-2",
        "rotated",
        restored=1,
        capabilities=again.capabilities,
    )
    assert again.done == []
    assert session.closed
    assert call.of(EngineOutage) == []
    call.dialogue.append(FRAME_24K)
    assert again.heard[-1] == FRAME_24K
    await passed(3200)
    assert len(call.sessions.made) == 3
    assert call.counters["rotated"] == 2
    await call.dialogue.close()


@in_virtual_time
async def test_M3_it_waits_for_quiet_and_is_told_anew_if_something_was_said() -> None:
    call = Call(policy=ROTATING)
    session = await call.begin()
    call.quiet = False
    await passed(3200)
    assert len(call.sessions.made) == 1
    call.quiet = True
    call.sessions.gate.clear()
    await passed(0.2)
    assert len(call.sessions.made) == 2
    session.say(*answer("a1", "By the way."))
    call.quiet = False
    call.sessions.gate.set()
    await passed(1)
    assert call.sessions.made[1].closed
    assert call.of(EngineInUse)[-1].why == "first"
    call.quiet = True
    await passed(5)
    assert call.of(EngineInUse)[-1].why == "rotated"
    assert list(call.session.past) == [PastMessage("assistant", "By the way.")]
    assert call.counters["rotation_outdated"] == 1
    await call.dialogue.close()


@in_virtual_time
async def test_M3_not_while_the_model_owes_an_answer() -> None:
    call = Call(policy=ROTATING)
    session = await call.begin()
    await passed(3130)
    for _ in range(20):
        session.say(SpeechStarted("u", 0), SpeechStopped("u", 1), ResponseStarted("r"))
        await passed(5)
        session.say(AudioDelta("a", 0, FRAME_24K))
        await passed(4)
        assert len(call.sessions.made) == 1
    session.say(ResponseDone("r", "completed"))
    await passed(1)
    assert call.of(EngineInUse)[-1].why == "rotated"
    await call.dialogue.close()


@in_virtual_time
async def test_M3_at_the_latest_also_while_the_caller_speaks_and_nothing_said_is_lost() -> None:
    call = Call(policy=ROTATING, formats={"first": AudioFormat.PCMU})
    session = await call.begin()
    call.quiet = False
    await passed(3539)
    tone = encode(Law.PCMU, sine(400, 20, 8000))
    session.say(SpeechStarted("u1", 0))
    for _ in range(150):
        call.dialogue.append(tone)
        await passed(0.02)
    again = call.session
    assert again is not session
    assert again.heard[0][:8000] == (tone * 50)[:8000]  # from the turn's first sample on
    assert b"".join(again.heard) == tone * 150
    await call.dialogue.close()


@in_virtual_time
async def test_M3_if_the_next_session_cannot_be_made_the_call_goes_on() -> None:
    call = Call(policy=ROTATING)
    session = await call.begin()
    call.sessions.fail("first", *[failure("server")] * 3)
    await passed(3145)
    assert call.of(EngineInUse)[-1].why == "first"
    call.dialogue.append(FRAME_24K)
    assert session.heard == [FRAME_24K]
    await passed(30)
    assert call.of(EngineInUse)[-1].why == "rotated"
    assert call.counters["rotation_failed"] == 3
    assert call.of(EngineOutage) == []
    await call.dialogue.close()


@in_virtual_time
async def test_M3_a_tool_that_runs_through_the_rotation() -> None:
    call = Call(policy=ROTATING)
    session = await call.begin()
    await passed(3100)
    session.say(ResponseStarted("r1"), ToolCall("c1", "order", "{}", "r1"))
    session.say(ResponseDone("r1", "completed"))
    await passed(200)
    assert call.of(EngineInUse)[-1].why == "rotated"
    assert list(call.session.past) == [PastToolCall("c1", "order", "{}", None)]
    call.dialogue.tool_result("c1", "sent")
    assert call.session.done == [("tool_result", "c1", "sent", True)]
    await call.dialogue.close()


@in_virtual_time
async def test_M3_the_old_session_ends_while_the_next_one_waits() -> None:
    call = Call(policy=ROTATING)
    session = await call.begin()
    await passed(3130)
    call.sessions.gate.clear()
    await passed(10)
    session.lose()
    call.sessions.gate.set()
    await passed(0.1)
    assert call.of(EngineInUse)[-1].why == "reconnected"
    await passed(60)
    assert [made.closed for made in call.sessions.made] == [True, True, False]
    await call.dialogue.close()
