"""The two openings of a call: we are called, or we place the call. Later both are the same.

incoming   INVITE ─▶ 180 ─▶ engine connects, greets into the buffer ─▶ 200 ─▶ ACK ─▶ talk
                       └── at once, or without waiting for the greeting: as configured
           A route with a menu: 200 at once, and the menu; an agent comes when a key leads to it.
           A route with a queue: as above when its agent is free, else 200, and the queue.
           A route that forwards: 200 when the other SIP agent has answered.
           No slot of the engine is left: the fallback.
outgoing   INVITE ─▶ 180 … 200 ─▶ ACK ─▶ it greets, or waits for the other side's first words
             └── engine connects, greets into the buffer
           with `calls.answering`, the first word waits until it is known who has answered

The first step of either, our 180 or our INVITE, is the edge's: it waits for no worker.
"""

from __future__ import annotations

from dataclasses import dataclass

from sipua.bridge.engine_api.events import SpeechStarted, SpeechStopped
from sipua.bridge.events import BridgeEvent
from sipua.calls import fallback
from sipua.calls.answering.watch import AnswerWatch
from sipua.calls.call import Call
from sipua.calls.menus.after_menu import AfterMenu
from sipua.calls.menus.queue.lead import CHOSEN
from sipua.calls.profile import AgentProfile, Forward
from sipua.events import call_events
from sipua.events.ending import Reason

LONGEST_FIRST_WORDS_S = 30.0
"""The longest wait for the other side to finish: a recording never does."""


class Answering:
    """The opening of a call that came in."""

    async def run(self, call: Call) -> None:
        if await _led(call):
            return
        sound = call.limits.early_media
        if sound is not None and (call.profile.forward or call.profile.answer != "at_once"):
            call.media.early.begin(sound)
        if call.profile.forward is not None:
            await _forward(call, call.profile.forward)
        else:
            await AfterMenu().run(call)


@dataclass(frozen=True, slots=True)
class NoSlot:
    """A call that came in while all calls of the agent's engine are up: its fallback, or 486."""

    engine: str

    async def run(self, call: Call) -> None:
        detail = f"engine {self.engine}: its max_calls are up"
        call.without_engine(Reason.ENGINE_BUSY, detail)


async def _forward(call: Call, to: Forward) -> None:
    """Another SIP agent takes the call, as the target of a transfer does (`sipua.calls.legs`): the
    caller is answered when it answers. If it does not, the route's own fallback, or its status."""
    call.tell(call_events.Transfer(target=to.target, mode="forward"))
    outcome = await call.second.make(
        to.target, account=to.account, headers=to.headers, early_media=to.early_media
    ).run()
    if outcome.ok:
        await call.bridge.dismiss_agent()
    elif outcome.cause != "caller_left" and not call.over:
        detail = f"{to.target}: {outcome.status} {outcome.reason}"
        if outcome.cause == "target_left":
            call.hang_up(Reason.TARGET_HANGUP, detail)
        elif to.falls_back:
            await fallback.run(call, Reason.FORWARD_FAILED, detail)
        else:
            call.hang_up(Reason.FORWARD_FAILED, detail, outcome.status)


class Placing:
    """The opening of a call that we place."""

    async def run(self, call: Call) -> None:
        if await _led(call):
            return
        profile = call.profile
        call.media.early.keep_from_engine()
        if profile.answering is not None:
            watch = AnswerWatch(call, profile.answering, lambda person: _greet(call, person))
            call.leaders.start(watch.run(), "answering")
        await call.bridge.connect(profile.connect_timeout_s)
        if profile.first_word == "greet" and profile.greeting:
            call.bridge.speak(profile.greeting)
        elif profile.greeting and profile.answering is None:
            await self._let_them_speak(call, profile)

    async def _let_them_speak(self, call: Call, profile: AgentProfile) -> None:
        """Wait for "hello?", which is answered; when nothing is said, greet."""
        await call.confirmed.wait()
        if await call.first(lambda event: isinstance(event, SpeechStarted), profile.wait_s):
            if profile.answers_turns:
                return  # the engine answers by itself
            await call.first(_ends_speech, LONGEST_FIRST_WORDS_S)
        call.bridge.speak(profile.greeting)


async def _led(call: Call) -> bool:
    """Whether the call does not begin with an agent: what is first has been done."""
    agents = call.agents
    if agents is None or agents.first is None:
        return False
    why = CHOSEN
    if agents.closed_by:
        why = Reason.CLOSED, f"closed: hours {agents.closed_by}"
    elif notice := call.facts().notice:
        why = Reason.QUEUE, f"queue member: {notice.replace('_', ' ')}"
    await call.lead(agents.first, why)
    return True


def _greet(call: Call, person: bool) -> None:
    """Speak first, unless a greeting waits already; a person who has spoken is answered."""
    profile = call.profile
    if profile.first_word == "greet" and profile.greeting:
        return
    if profile.greeting or person:
        call.bridge.speak(profile.greeting or None)


def _ends_speech(event: BridgeEvent) -> bool:
    return isinstance(event, SpeechStopped)
