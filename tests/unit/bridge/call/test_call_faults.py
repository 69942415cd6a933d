"""H9: an exception in a conversation fails over where it can; one in the audio path ends the call.

Each test puts it into one callback, timer or task and says what becomes of it.
"""

import asyncio
import time
from collections.abc import Callable
from typing import Any

import pytest
import structlog
from structlog.testing import capture_logs

from sipua.bridge.conversation.dialogue import Dialogue
from sipua.bridge.conversation.interface import ConversationEvent
from sipua.bridge.conversation.policy import DialoguePolicy
from sipua.bridge.conversation.response_watchdog import ResponseWatchdog
from sipua.bridge.engine_api.events import EngineLost, SessionReady, SpeechStarted, SpeechStopped
from sipua.bridge.events import EngineGone, EngineInUse, EngineOutage
from sipua.bridge.fault_owner import FaultOwner
from sipua.bridge.playout.pacer import Pacer
from sipua.bridge.playout.queue import PlayoutQueue
from sipua.codecs.tones import sine
from support.calls.call_bridge import Setup
from support.engine.fake_sessions import FakeSession, FakeSessions
from support.engine.line import turn_state
from support.virtual_time import in_virtual_time

POLICY = DialoguePolicy(phrase="Go on.", rotate_after_s=0, filler_after_s=0, silent_after_s=8)
SOUND = sine(400, 20, 24_000).tobytes()
FAULT = EngineLost(0, "internal error: append: KeyError", retryable=True, fault=True)


def broken(*_: object, **__: object) -> Any:
    raise KeyError("injected")


async def broken_later(*_: object, **__: object) -> Any:
    broken()


# --- the conversation -----------------------------------------------------------------------


class Talk:
    def __init__(self, *engines: str, policy: DialoguePolicy = POLICY) -> None:
        self.sessions = FakeSessions()
        self.events: list[ConversationEvent] = []
        self.causes: list[str] = []
        owner = FaultOwner("call.failed", structlog.get_logger(), self.causes.append)
        self.dialogue: Any = Dialogue(
            self.sessions.choices(*(engines or ("first",))),
            policy=policy,
            on_event=self.events.append,
            turns=turn_state(),
            make_session=self.sessions.make,
            random=lambda: 1.0,
            faults=owner,
        )

    async def begin(self) -> FakeSession:
        await self.dialogue.connect(5)
        return self.sessions.last

    def news(self) -> list[str]:
        kinds = (EngineInUse, EngineOutage, EngineGone)
        return [type(event).__name__ for event in self.events if isinstance(event, kinds)]


@in_virtual_time
async def test_H9_a_sessions_fault_is_an_outage_and_the_next_one_goes_on() -> None:
    talk = Talk()
    session = await talk.begin()
    talk.dialogue.speak("Greet.")
    session.say(FAULT)
    await asyncio.sleep(1)
    assert talk.news() == ["EngineInUse", "EngineOutage", "EngineInUse"]
    assert EngineOutage("first", FAULT.reason) in talk.events
    assert session.closed
    assert talk.sessions.last.spoken == ["Greet."]
    assert talk.dialogue.counters()["lost_fault"] == 1
    assert talk.causes == []
    await talk.dialogue.close()


@in_virtual_time
async def test_H9_what_was_asked_of_a_session_that_failed_at_that_is_asked_of_the_next() -> None:
    talk = Talk()
    session = await talk.begin()
    session.speak = lambda instructions=None: session.say(FAULT)  # type: ignore[method-assign]
    talk.dialogue.speak("Greet.")
    await asyncio.sleep(1)
    assert talk.sessions.last.spoken == ["Greet."]
    await talk.dialogue.close()


@in_virtual_time
async def test_H9_an_engine_whose_sessions_fail_one_after_the_other_is_passed_over() -> None:
    talk = Talk("first", "second")
    await talk.begin()
    for _ in range(2):
        talk.sessions.last.say(FAULT)
        await asyncio.sleep(1)
    assert [session.engine for session in talk.sessions.made] == ["first", "first", "second"]
    for _ in range(2):
        talk.sessions.last.say(FAULT)
        await asyncio.sleep(1)
    assert talk.news()[-1] == "EngineGone"
    assert talk.causes == []
    await talk.dialogue.close()


@in_virtual_time
async def test_H9_a_fault_while_the_next_session_catches_up_loses_nothing_that_was_owed() -> None:
    talk = Talk()
    session = await talk.begin()
    for _ in range(100):
        talk.dialogue.append(bytes(960))
    session.say(SpeechStarted("item", 0), SpeechStopped("item", 1900))
    for _ in range(100):  # whether it has heard this, it does not say any more
        talk.dialogue.append(SOUND)
    made = talk.sessions.make

    def once(*arguments: Any, **named: Any) -> FakeSession:
        next_one = made(*arguments, **named)
        if len(talk.sessions.made) == 2:
            next_one.append = lambda _audio: next_one.say(FAULT)  # type: ignore[method-assign]
        return next_one

    talk.dialogue._pool._make_session = lambda *a, **n: once(*a, call_id="", faults=None, **n)
    session.lose()
    await asyncio.sleep(3)
    assert talk.news()[-1] == "EngineInUse"
    assert len(talk.sessions.made) == 3
    assert talk.sessions.last.spoken == ["Go on."], "the answer is owed, once"
    assert talk.causes == []
    await talk.dialogue.close()


@in_virtual_time
async def test_H9_an_attempt_that_fails_by_a_fault_leaves_the_next_choice() -> None:
    talk = Talk("first", "second")
    object.__setattr__(talk.dialogue._pool.choices[0], "create", broken)
    with capture_logs() as logs:
        await talk.begin()
    assert talk.sessions.last.engine == "second"
    assert [line["where"] for line in logs if line["event"] == "engine.fault"] == ["attempt"]
    assert talk.causes == []
    await talk.dialogue.close()


@in_virtual_time
async def test_H9_a_session_that_is_ready_and_was_not_taken_is_a_failed_attempt(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    talk = Talk("first", "second")
    on_other, told = talk.dialogue._on_other, list[object]()

    def deaf_once(link: object, event: object) -> None:
        told.append(event)
        if len(told) > 1:
            on_other(link, event)

    monkeypatch.setattr(talk.dialogue, "_on_other", deaf_once)
    await talk.begin()
    assert isinstance(told[0], SessionReady)
    assert talk.sessions.last.engine == "second"
    await talk.dialogue.close()


@in_virtual_time
async def test_H9_the_search_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    talk = Talk()
    session = await talk.begin()
    monkeypatch.setattr(talk.dialogue._search, "find", broken_later)
    session.lose()
    await asyncio.sleep(1)
    assert talk.causes == ["internal error: engine recovery: KeyError"]
    await talk.dialogue.close()


@in_virtual_time
async def test_H9_the_conversations_timer(monkeypatch: pytest.MonkeyPatch) -> None:
    talk = Talk()
    await talk.begin()
    monkeypatch.setattr(ResponseWatchdog, "check", broken)
    talk.dialogue.speak("Greet.")
    await asyncio.sleep(9)
    assert talk.causes == ["internal error: conversation timer: KeyError"]
    await talk.dialogue.close()


@in_virtual_time
async def test_H9_a_rotation_that_fails_leaves_the_old_session_and_is_tried_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    talk = Talk(policy=DialoguePolicy(rotate_after_s=100, rotate_latest_s=400, filler_after_s=0))
    session = await talk.begin()
    connect = talk.dialogue._pool.connect
    monkeypatch.setattr(talk.dialogue._pool, "connect", broken)
    await asyncio.sleep(110)
    talk.dialogue.append(b"\1" * 960)
    assert session.heard[-1] == b"\1" * 960
    assert talk.dialogue.counters()["rotation_failed"] >= 1
    monkeypatch.setattr(talk.dialogue._pool, "connect", connect)
    await asyncio.sleep(100)
    assert talk.news() == ["EngineInUse", "EngineInUse"]
    assert talk.causes == []
    await talk.dialogue.close()


@in_virtual_time
async def test_H9_a_farewell_that_fails_ends_nothing() -> None:
    talk = Talk()
    session = await talk.begin()
    session.close = broken_later  # type: ignore[method-assign]
    with capture_logs() as logs:
        session.lose()
        await asyncio.sleep(1)
    assert talk.news()[-1] == "EngineInUse"
    assert talk.causes == []
    assert [line["where"] for line in logs if line["event"] == "engine.fault"] == [
        "engine farewell"
    ]
    await talk.dialogue.close()


# --- the audio path -------------------------------------------------------------------------


async def talking(setup: Setup) -> None:
    setup.bridge.open_media(setup.plan)
    setup.bridge.start()


async def ends(setup: Setup, cause: str) -> None:
    """Once, however often it comes again. The bound is for a busy machine, here and below."""
    async with asyncio.timeout(10):
        while not setup.faults:
            await asyncio.sleep(0.005)
    await asyncio.sleep(0.05)
    assert setup.faults == [f"internal error: {cause}: KeyError"]


async def test_H9_a_packet_of_the_caller(setup: Setup, monkeypatch: pytest.MonkeyPatch) -> None:
    await talking(setup)
    monkeypatch.setattr(setup.bridge, "_on_rtp", broken)
    rtp: Any = setup.bridge.leg.transport
    monkeypatch.setattr(rtp, "_on_events", broken)
    await setup.phone.talk(setup.port, 5)
    await ends(setup, "RTP")


async def test_H9_a_capture_that_is_shown_a_packet(setup: Setup) -> None:
    await talking(setup)
    transport: Any = setup.bridge.leg.transport
    transport.tap = broken
    await ends(setup, "pacer")


async def test_H9_the_pacer(setup: Setup, monkeypatch: pytest.MonkeyPatch) -> None:
    await talking(setup)
    sender: Any = setup.bridge._sender
    monkeypatch.setattr(sender, "_on_tick", broken)
    await ends(setup, "pacer")


async def test_H9_audio_of_the_engine(setup: Setup, monkeypatch: pytest.MonkeyPatch) -> None:
    await talking(setup)
    monkeypatch.setattr(PlayoutQueue, "push", broken)
    setup.engine.say("item", 100)
    await ends(setup, "on AudioDelta")


async def test_H9_whatever_hears_of_the_bridge(setup: Setup) -> None:
    await talking(setup)
    setup.bridge.on_event = broken
    setup.engine.say("item", 100)
    await ends(setup, "on AudioDelta")


# --- the timer of all calls -----------------------------------------------------------------


class Paced:
    """One call's place in the pacer."""

    def __init__(self, pacer: Pacer, callback: Callable[[float], float]) -> None:
        self.times: list[float] = []
        self.causes: list[str] = []
        self._callback = callback
        owner = FaultOwner("call.failed", structlog.get_logger(), self.causes.append)
        pacer.add(self._tick, time.monotonic() + 0.01, owner)

    def _tick(self, now: float) -> float:
        self.times.append(now)
        return self._callback(now)


@pytest.mark.parametrize(
    ("bad", "kind"),
    [(broken, "KeyError"), (lambda _: float("nan"), "ValueError"), (lambda _: None, "TypeError")],
)
async def test_H9_one_calls_tick_ends_that_call_and_the_others_go_on(
    bad: Callable[[float], float], kind: str
) -> None:
    pacer = Pacer()
    first, second = Paced(pacer, bad), Paced(pacer, lambda now: now + 0.02)
    async with asyncio.timeout(10):
        while len(second.times) < 4:
            await asyncio.sleep(0.005)
    assert first.causes == [f"internal error: pacer: {kind}"]
    assert len(first.times) == 1
    assert second.causes == []
    assert pacer.counters()["handles"] == 1
    pacer.close()


async def test_H9_without_its_clock_no_call_lives_on_in_silence(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    pacer = Pacer()
    calls = [Paced(pacer, lambda now: now + 0.02) for _ in range(3)]
    async with asyncio.timeout(10):
        while not calls[0].times:
            await asyncio.sleep(0.005)
    timer: Any = pacer._timer
    with monkeypatch.context() as patched:
        patched.setattr(timer, "arm", broken)
        async with asyncio.timeout(10):
            while not calls[0].causes:
                await asyncio.sleep(0.005)
    assert [call.causes for call in calls] == [["internal error: pacer: KeyError"]] * 3
    later = Paced(pacer, lambda now: now + 0.02)
    async with asyncio.timeout(10):
        while len(later.times) < 3:
            await asyncio.sleep(0.005)
    pacer.close()
