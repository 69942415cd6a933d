"""A conversation over several sessions, in virtual time: what is told, asked, kept and reported."""

from __future__ import annotations

import asyncio

import pytest

from sipua.bridge.conversation.policy import DialoguePolicy
from sipua.bridge.engine_api.errors import EngineConnectError, ErrorKind
from sipua.bridge.engine_api.events import (
    AudioDelta,
    AudioDone,
    ResponseDone,
    ResponseStarted,
    SpeechStarted,
    SpeechStopped,
)
from sipua.bridge.engine_api.settings import AudioFormat
from sipua.bridge.events import EngineGone, EngineInUse, EngineOutage, ModelSilent
from sipua.bridge.fault_owner import FaultOwner
from sipua.codecs.tones import sine
from support.engine.dialogue_call import (
    FRAME_24K,
    Call,
    answer,
    failure,
    now,
    passed,
)
from support.virtual_time import in_virtual_time

# The first session


@in_virtual_time
async def test_the_first_session() -> None:
    call = Call()
    session = await call.begin()
    assert call.events == [
        EngineInUse(
            "first",
            AudioFormat.PCM16,
            "session-1",
            "first",
            capabilities=session.capabilities,
            connect_ms=0,
        ),
    ]
    assert call.dialogue.session_id == "session-1"
    call.dialogue.append(FRAME_24K)
    call.dialogue.speak("Greet.")
    call.dialogue.truncate("a1", 20)
    call.dialogue.cancel()
    call.dialogue.tool_result("c1", "sent", respond=False)
    call.dialogue.inject("system", "It is late.", respond=False)
    assert session.heard == [FRAME_24K]
    assert session.done == [
        ("speak", "Greet."),
        ("truncate", "a1", 20),
        ("cancel",),
        ("tool_result", "c1", "sent", False),
        ("inject", "system", "It is late.", False),
    ]
    await call.dialogue.close()
    assert session.closed
    assert call.counters["messages_sent"] == 5


@in_virtual_time
async def test_M1_another_attempt_after_a_wait() -> None:
    call = Call()
    call.sessions.fail("first", failure("server"), failure("timeout"))
    began = now()
    await call.dialogue.connect(5)
    assert now() - began == pytest.approx(0.75)
    counters = call.counters
    assert (counters["attempts"], counters["connect_server"], counters["connect_timeout"]) == (
        3,
        1,
        1,
    )
    await call.dialogue.close()


@pytest.mark.parametrize("kind", ["unauthorized", "forbidden", "tls", "protocol"])
@in_virtual_time
async def test_M1_what_is_vain_goes_to_the_next_engine_at_once(kind: ErrorKind) -> None:
    call = Call("first", "second")
    call.sessions.fail("first", failure(kind))
    began = now()
    await call.dialogue.connect(5)
    assert now() == began
    assert [session.engine for session in call.sessions.made] == ["first", "second"]
    assert call.of(EngineInUse)[0].engine == "second"
    await call.dialogue.close()


@in_virtual_time
async def test_M1_an_empty_account_is_not_waited_for() -> None:
    call = Call()
    call.sessions.fail("first", failure("rate_limited", code="insufficient_quota"))
    with pytest.raises(EngineConnectError):
        await call.dialogue.connect(5)
    assert len(call.sessions.made) == 1


@in_virtual_time
async def test_M1_retry_after_is_honoured_inside_the_deadline() -> None:
    call = Call("first", "second")
    call.sessions.fail("first", failure("rate_limited", retry_after_s=1.5))
    began = now()
    await call.dialogue.connect(5)
    assert now() - began == pytest.approx(1.5)
    assert call.session.engine == "first"
    await call.dialogue.close()


@in_virtual_time
async def test_M1_the_last_error_is_raised_when_the_time_is_over() -> None:
    call = Call("first", "second")
    call.sessions.fail("first", *[failure("server")] * 50)
    call.sessions.fail("second", failure("forbidden"))
    began = now()
    with pytest.raises(EngineConnectError) as caught:
        await call.dialogue.connect(5)
    assert caught.value.kind == "forbidden"
    assert now() - began <= 5
    assert call.events == []
    await call.dialogue.close()


@in_virtual_time
async def test_what_the_caller_said_before_there_was_an_engine_is_heard() -> None:
    call = Call()
    tone = sine(400, 500, 24_000).tobytes()
    call.dialogue.append(tone)
    session = await call.begin()
    assert len(b"".join(session.heard)) == pytest.approx(len(tone), abs=200)
    assert call.of(EngineInUse)[0].caught_up_ms == pytest.approx(500, abs=2)
    await call.dialogue.close()


# Silence


@in_virtual_time
async def test_M4_a_silent_model_is_nudged_then_replaced_then_passed_over() -> None:
    call = Call("first", "second")
    session = await call.begin()
    began = now()
    call.dialogue.speak("Greet.")
    session.say(ResponseStarted("r1"))
    await passed(8.01)
    assert call.of(ModelSilent) == [ModelSilent(8000, "nudged")]
    # What hangs is cancelled, or the next one would be refused; and the words are the same.
    assert session.done == [("speak", "Greet."), ("cancel",), ("speak", "Greet.")]
    await passed(8.01)
    assert call.of(ModelSilent)[1].action == "reconnecting"
    assert [made.engine for made in call.sessions.made] == ["first", "first"]
    assert call.session.spoken == ["Greet."]
    await passed(8.01)
    assert [made.engine for made in call.sessions.made] == ["first", "first", "second"]
    call.session.say(*answer("a1", "At last."))
    await passed(60)
    assert now() - began > 80
    assert call.of(EngineGone) == []
    assert len(call.of(ModelSilent)) == 3
    counters = call.counters
    assert (counters["silent_nudged"], counters["lost_silent"]) == (1, 2)
    await call.dialogue.close()


@in_virtual_time
async def test_M4_a_model_that_never_says_anything_is_given_up() -> None:
    call = Call()
    await call.begin()
    call.dialogue.speak(None)
    await passed(24.1)
    assert len(call.sessions.made) == 2
    assert "silent" in call.of(EngineGone)[0].cause
    await call.dialogue.close()


@in_virtual_time
async def test_M4_the_turn_of_the_caller_that_nobody_answers() -> None:
    call = Call()
    session = await call.begin()
    session.say(SpeechStarted("u1", 0), SpeechStopped("u1", 500))
    await passed(8.01)
    assert session.spoken == [None]
    assert call.of(ModelSilent) == [ModelSilent(8000, "nudged")]
    session.say(*answer("a1", "Yes."))
    await passed(60)
    assert len(call.of(ModelSilent)) == 1
    await call.dialogue.close()


@in_virtual_time
async def test_M4_a_long_answer_is_not_silence_and_nor_is_a_caller_who_thinks() -> None:
    call = Call()
    session = await call.begin()
    session.say(SpeechStarted("u1", 0), SpeechStopped("u1", 500), ResponseStarted("r1"))
    for _ in range(20):
        session.say(AudioDelta("a1", 0, FRAME_24K))
        await passed(5)
    session.say(AudioDone("a1"), ResponseDone("r1", "completed"))
    await passed(600)
    assert call.of(ModelSilent) == []
    await call.dialogue.close()


@in_virtual_time
async def test_M4_failed_responses_are_asked_for_again_and_then_the_session_is_replaced() -> None:
    call = Call()
    session = await call.begin()
    call.dialogue.speak("Greet.")
    for number in range(4):
        session.say(ResponseStarted(f"r{number}"))
        session.say(ResponseDone(f"r{number}", "failed", "server_error: sorry"))
        await passed(4.01)
    assert session.spoken == ["Greet."] * 4
    assert call.of(EngineOutage) == [
        EngineOutage("first", "responses fail: server_error: sorry"),
    ]
    assert call.session.spoken == ["Greet."]
    counters = call.counters
    assert (counters["responses_failed"], counters["asked_again"]) == (4, 3)
    await call.dialogue.close()


@in_virtual_time
async def test_M4_who_waits_for_a_slow_model_is_told_before_it_is_nudged() -> None:
    call = Call(policy=DialoguePolicy(filler_after_s=2, silent_after_s=8))
    session = await call.begin()
    call.dialogue.speak("Greet.")
    await passed(2.01)
    assert call.of(ModelSilent) == [ModelSilent(2000, "waiting")]
    assert session.done == [("speak", "Greet.")]
    await passed(6)
    assert call.of(ModelSilent)[1:] == [ModelSilent(8000, "nudged")]
    assert call.counters["silent_waiting"] == 1
    await call.dialogue.close()


async def test_H9_a_timer_that_cannot_tell_its_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """uvloop's handle of what is due at once has no `when`: a machine that is late makes such."""

    def at_once(_owner: FaultOwner, _when_s: float, *_arguments: object) -> asyncio.Handle:
        return asyncio.Handle(lambda: None, (), asyncio.get_running_loop())

    monkeypatch.setattr(FaultOwner, "call_at", at_once)
    call = Call()
    await call.begin()
    for _ in range(2):
        call.dialogue.inject("user", "The caller is a member.", respond=True)
    assert not call.session.closed
    await call.dialogue.close()
