"""A conversation over several sessions, in virtual time: what is told, asked, kept and reported."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any, TypeVar

import pytest

from sipua.bridge.conversation.dialogue import Dialogue
from sipua.bridge.conversation.interface import ConversationEvent
from sipua.bridge.conversation.policy import DialoguePolicy
from sipua.bridge.engine_api.events import (
    AudioDelta,
    AudioDone,
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
from sipua.bridge.engine_link.errors import EngineConnectError, ErrorKind
from sipua.bridge.events import EngineGone, EngineInUse, EngineOutage, ModelSilent
from sipua.bridge.turns.state import TurnState
from sipua.codecs.g711 import Law, encode
from sipua.codecs.tones import sine
from support.engine.fake_sessions import FakeSession, FakeSessions
from support.engine.line import FakeLine
from support.virtual_time import in_virtual_time

E = TypeVar("E", bound=ConversationEvent)

PHRASE = "Say that the line broke."
POLICY = DialoguePolicy(phrase=PHRASE, rotate_after_s=0, filler_after_s=0)
FRAME_24K = b"\x00" * 960


class Call:
    """The other side of a dialogue: what the bridge does with it."""

    def __init__(self, *engines: str, policy: DialoguePolicy = POLICY, **sessions: Any) -> None:
        self.sessions = FakeSessions(**sessions)
        self.events: list[ConversationEvent] = []
        self._line = FakeLine()
        self.turns = TurnState(self._line)
        self.dialogue = Dialogue(
            self.sessions.choices(*(engines or ("first",))),
            policy=policy,
            on_event=self.events.append,
            turns=self.turns,
            make_session=self.sessions.make,
            random=lambda: 1.0,
        )

    @property
    def quiet(self) -> bool:
        return not self._line.saying

    @quiet.setter
    def quiet(self, value: bool) -> None:
        self._line.saying = "" if value else "item"

    @property
    def session(self) -> FakeSession:
        return self.sessions.last

    async def begin(self) -> FakeSession:
        await self.dialogue.connect(5)
        return self.session

    def of(self, kind: type[E]) -> list[E]:
        return [event for event in self.events if isinstance(event, kind)]

    @property
    def counters(self) -> dict[str, int]:
        return self.dialogue.counters()


def failure(kind: ErrorKind, **more: Any) -> EngineConnectError:
    return EngineConnectError(kind, kind, **more)


def answer(item: str, text: str) -> list[Any]:
    """A whole response of a second."""
    return [
        ResponseStarted(item),
        AudioDelta(item, 0, b"\x00" * 48_000),
        Transcript(item, "assistant", text, final=True),
        AudioDone(item),
        ResponseDone(item, "completed"),
    ]


async def passed(seconds: float) -> None:
    await asyncio.sleep(seconds)


def now() -> float:
    return asyncio.get_running_loop().time()


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
        ),
    ]
    assert call.dialogue.session_id == "session-1"
    call.dialogue.append(FRAME_24K)
    call.dialogue.speak("Greet.")
    call.dialogue.truncate("a1", 20)
    call.dialogue.cancel()
    call.dialogue.tool_result("c1", "sent", respond=False)
    assert session.heard == [FRAME_24K]
    assert session.done == [
        ("speak", "Greet."),
        ("truncate", "a1", 20),
        ("cancel",),
        ("tool_result", "c1", "sent", False),
    ]
    await call.dialogue.close()
    assert session.closed
    assert call.counters["messages_sent"] == 4


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


# Lost and found


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


# Rotation

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
