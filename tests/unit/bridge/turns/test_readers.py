"""All that keep or read whose turn it is, on the same events: they do not contradict each other.

A dialogue with sessions of a test's own tells the turn state, as in a call; barge-in and the clock
hear what the call's bridge hears, and the gate what its server says.
"""

from __future__ import annotations

import asyncio
import math
import random

import pytest

from sipua.bridge.conversation.dialogue import Dialogue
from sipua.bridge.conversation.interface import ConversationEvent
from sipua.bridge.conversation.policy import DialoguePolicy
from sipua.bridge.engine_api.events import (
    AudioDelta,
    AudioDone,
    Event,
    ResponseDone,
    ResponseStarted,
    SpeechStarted,
    SpeechStopped,
    ToolCall,
)
from sipua.bridge.engines.openai_realtime.response_gate import ResponseGate
from sipua.bridge.events import AudioBegan, AudioLeft, AudioPlayed, EngineInUse, Interrupted
from sipua.bridge.turns.barge_in import BargeInPolicy
from sipua.bridge.turns.barge_in_settings import BargeIn
from sipua.bridge.turns.clock import TurnClock
from sipua.bridge.turns.state import TurnState
from support.engine.fake_sessions import FakeSessions
from support.engine.line import FakeLine
from support.virtual_time import in_virtual_time

POLICY = DialoguePolicy(rotate_after_s=0, filler_after_s=2, silent_after_s=8, response_retries=2)
SILENCE = bytes(960 * 10)
SOUND = bytes(960)


class Call:
    """One call, and all who keep account of its turns."""

    def __init__(self) -> None:
        self.sessions = FakeSessions()
        self.line = FakeLine()
        self.turns = TurnState(self.line)
        self.policy = BargeInPolicy(BargeIn(), self.turns)
        self.clock = TurnClock()
        self.gate = ResponseGate(server_answers=True)
        self.items = 0
        self.response = ""
        self.dialogue = Dialogue(
            self.sessions.choices("engine"),
            policy=POLICY,
            on_event=self._hear,
            turns=self.turns,
            make_session=self.sessions.make,
            random=lambda: 1.0,
        )

    def _hear(self, event: ConversationEvent) -> None:
        """As the bridge does."""
        now = asyncio.get_running_loop().time()
        match event:
            case AudioDelta():
                if self.line.saying != event.item_id:
                    self.policy.item_began(event.item_id)
                    self.line.saying = event.item_id
                    self.clock.feed(AudioBegan(event.item_id), now)
                    self.clock.feed(AudioLeft(event.item_id), now)
                return
            case AudioDone():
                if self.line.saying == event.item_id:
                    self.line.saying = ""
                    self.policy.item_ended(event.item_id)
                    self.clock.feed(AudioPlayed(event.item_id), now)
                return
            case EngineInUse():
                self.policy.engine_changed(speech_events=event.capabilities.speech_events)
                self.gate = ResponseGate(server_answers=True)
                self.response = ""
            case SpeechStarted():
                if self.policy.caller_began(0, local=False) and self.line.saying:
                    item, self.line.saying = self.line.saying, ""
                    self.policy.item_ended(item)
                    self.dialogue.truncate(item, 0)
                    self.clock.feed(Interrupted(item, 0), now)
                    self.dialogue.cancel()
        self.clock.feed(event, now)

    def say(self, event: Event) -> None:
        """By the session in use; its gate, as its protocol, sees it first."""
        match event:
            case SpeechStarted():
                self.gate.caller_speaks()
            case SpeechStopped():
                self.gate.caller_finished()
            case ResponseStarted():
                self.gate.created(event.response_id)
            case ResponseDone():
                self.gate.done(event.response_id)
        self.dialogue.append(SILENCE)  # what the event is about
        self.sessions.last.say(event)

    async def in_use(self) -> None:
        while self.dialogue._pooled is None:
            await asyncio.sleep(0.1)

    def step(self, chance: random.Random) -> None:
        """Something that an engine, or the call, may do at any time."""
        started = ResponseStarted(f"r{self.items}")
        events: dict[str, Event] = {
            "speaks": SpeechStarted("u", 0),
            "stops": SpeechStopped("u", chance.randrange(4000)),
            "delta": AudioDelta(f"a{self.items}", 0, SOUND),
            "audio done": AudioDone(f"a{self.items}"),
            "tool": ToolCall(f"c{self.items}", "look_up", "{}", self.response),
        }
        if self.response:
            for status in ("completed", "failed", "cancelled"):
                events[status] = ResponseDone(self.response, status)
        else:
            events["started"] = started
        what = chance.choice([*events, "speak", "result", "cancel", "lost"])
        match what:
            case "speak":
                self.dialogue.speak("Greet.")
            case "result":
                self.dialogue.tool_result(f"c{self.items}", "42")
            case "cancel":
                self.dialogue.cancel()
            case "lost":
                if chance.random() < 0.2:
                    self.sessions.last.lose()
            case _:
                if what == "started":
                    self.response = started.response_id
                elif what in ("completed", "failed", "cancelled"):
                    self.response = ""
                    self.items += 1
                self.say(events[what])

    def compare(self) -> None:
        turns, dialogue = self.turns, self.dialogue
        assert self.policy.caller_speaks is turns.engine_hears
        assert math.isfinite(dialogue._watchdog.due) is turns.model_owes, "who owes is waited for"
        assert turns.turn in ("idle", "caller", "waiting", "model")
        if dialogue._pooled is None:
            assert not turns.model_owes
            return
        # The clock's last turn is the caller's for as long as the engine hears it.
        last = self.clock._turn
        assert (last is not None and last.speaking) is turns.engine_hears
        # What the next session would be given: silence only if it is a turn's.
        assert bool(dialogue._caller.unheard()) is turns.engine_hears
        # The server would refuse what is asked while it runs one, or is about to.
        assert (self.gate.active is not None) is turns.response_runs
        if turns.engine_hears or turns.response_runs:
            self.gate.want()
            assert self.gate.request() is None


@pytest.mark.parametrize("seed", range(40))
@in_virtual_time
async def test_they_agree_after_each_event(seed: int) -> None:
    chance = random.Random(seed)
    call = Call()
    await call.dialogue.connect(5)
    for _ in range(80):
        await call.in_use()
        call.step(chance)
        call.compare()
        await asyncio.sleep(chance.choice([0, 0, 0.1, 1, 3]))
        call.compare()
    await call.dialogue.close()


@in_virtual_time
async def test_an_interruption_is_one_for_all() -> None:
    call = Call()
    await call.dialogue.connect(5)
    told: list[str] = []
    for event in (
        SpeechStarted("u", 0),
        SpeechStopped("u", 900),
        ResponseStarted("r0"),
        AudioDelta("a0", 0, SOUND),
        SpeechStarted("u", 0),
        ResponseDone("r0", "cancelled"),
        SpeechStopped("u", 2500),
    ):
        call.say(event)
        call.compare()
        told.append(call.turns.turn)
    assert told == ["caller", "waiting", "waiting", "model", "caller", "caller", "waiting"]
    await call.dialogue.close()
