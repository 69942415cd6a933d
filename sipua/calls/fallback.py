"""The fallback of a call that has no engine, and will get none.

The profile's steps, one after the other, until the call is over:

    prompt     the call is answered, if it was not, and the prompt played to its end
    transfer   302 before the answer, REFER after; a transfer that fails leads to the next step
    menu       the call is answered, and the caller chooses; what follows is the menu's
    queue      the call is answered, and the caller waits; what follows is the queue's
    status     the end; BYE once the call is answered

A profile without steps: its `failure_status` before the answer (486 while all slots of the engine
are taken), the built-in prompt after it.
A call that we place and that was not answered yet gets none of these.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final, Protocol

from sipua.bridge.call.call_bridge import CallBridge
from sipua.bridge.events import AudioPlayed, BridgeEvent
from sipua.bridge.playout import sounds
from sipua.calls.legs.outcome import TransferOutcome
from sipua.calls.menus.menu import Action, ToMenu, ToQueue
from sipua.calls.profile import AgentProfile, Menu, Prompt, Queue, Refuse, Step, TransferTo
from sipua.events import call_events
from sipua.events.ending import Reason
from sipua.events.event import Event

PROMPT_GRACE_S = 10.0
"""The wait beyond a prompt's length; not played by then, it never is: the caller is on hold."""

BUSY: Final = 486
"""Not `failure_status`, whose usual 503 would tell a peer to call this edge no more for a while."""

_DEFAULT: tuple[Step, ...] = (Prompt(),)


class CallWithoutEngine(Protocol):
    """The methods of a call without an engine that the fallback uses."""

    profile: AgentProfile
    bridge: CallBridge
    confirmed: asyncio.Event

    @property
    def placing(self) -> bool: ...

    @property
    def answered(self) -> bool: ...

    def answer(self) -> None: ...

    def tell(self, event: Event) -> None: ...

    def redirect(self, target: str, detail: str) -> None: ...

    async def transfer(self, target: str) -> TransferOutcome: ...

    async def lead(self, first: Action) -> None: ...

    def hang_up(self, reason: Reason, detail: str, status: int = 0) -> None: ...

    async def first(
        self, wanted: Callable[[BridgeEvent], bool], within_s: float
    ) -> BridgeEvent | None: ...


async def run(call: CallWithoutEngine, reason: Reason, cause: str) -> None:
    """`reason` and `cause`: why there is none."""
    profile = call.profile
    if call.placing:
        call.hang_up(reason, cause)
        return
    steps = profile.steps or (_DEFAULT if call.answered else ())
    for step in steps:
        call.tell(call_events.Fallback(step=type(step).__name__.lower(), cause=cause))
        match step:
            case Refuse():
                call.hang_up(reason, cause, step.status)
                return
            case TransferTo() if not call.answered:
                call.redirect(step.target, cause)
                return
            case TransferTo():
                if (await call.transfer(step.target)).ok:
                    return
            case Menu():
                await call.lead(ToMenu(step.name))
                return
            case Queue():
                await call.lead(ToQueue(step.name))
                return
            case Prompt():
                await _say(call, step)
    status = BUSY if reason is Reason.ENGINE_BUSY else profile.failure_status
    call.hang_up(reason, cause, status)


async def _say(call: CallWithoutEngine, prompt: Prompt) -> None:
    pcm = sounds.prompt("sorry") if prompt.path is None else sounds.load(prompt.path)
    call.answer()
    await call.confirmed.wait()
    item_id = call.bridge.play("sorry" if prompt.path is None else prompt.path.stem, pcm)

    def is_played(event: BridgeEvent) -> bool:
        return isinstance(event, AudioPlayed) and event.item_id == item_id

    within_s = len(pcm) / sounds.RATE_HZ + PROMPT_GRACE_S
    if await call.first(is_played, within_s) is None:
        call.tell(call_events.PromptUnheard(waited_s=within_s))
