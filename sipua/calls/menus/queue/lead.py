"""A caller without an agent: from menu to queue and on, until an agent or a person has the call.

a route's menu, queue or `closed`, a fallback, a tool, a command ─▶ lead ─▶ an agent
                                                                    ├─────▶ a person, by a leg
                                                                    └─────▶ the end of the call
"""

from __future__ import annotations

from collections.abc import Coroutine
from typing import Any, Final, Protocol, TypeAlias

from sipua.calls.legs.outcome import TransferOutcome, failed
from sipua.calls.menus import run as menu_run
from sipua.calls.menus.menu import Action, HangUp, ToAgent, ToQueue
from sipua.calls.menus.queue import run as queue_run
from sipua.calls.menus.queue.agents import LedAgents
from sipua.events.ending import Reason

MOST_STEPS: Final = 100
"""From one to the next; two full queues may name each other."""
BUSY: Final = 486
NOT_AVAILABLE: Final = 480

Why: TypeAlias = tuple[Reason, str]
CHOSEN: Final[Why] = (Reason.MENU, "menu")


class LedCall(queue_run.QueueCall, menu_run.MenuCall, Protocol):
    agents: LedAgents | None

    @property
    def answered(self) -> bool: ...

    async def lead(self, first: Action) -> None: ...


async def run(call: LedCall, first: Action, *, mask: bool, why: Why) -> bool:
    """Whether an agent has the call now: otherwise it ends, or a person has it. `why`: `first` is
    the way to go; `mask`: see the menu."""
    agents = call.agents
    assert agents is not None
    action: Action | None = first
    for _ in range(MOST_STEPS):
        match action:
            case None:
                return False
            case ToAgent():
                await agents.change(action.route)
                return True
            case ToQueue():
                await agents.leave()
                action, why = await queue_run.run(call, agents, action)
            case HangUp() if not call.answered:
                status = BUSY if why[0] is Reason.QUEUE else NOT_AVAILABLE
                call.hang_up(*why, status)
                return False
            case _:
                action = await menu_run.run(call, agents, action, mask=mask, why=why)
    call.hang_up(*why)
    return False


def to_queue(call: LedCall, name: str) -> TransferOutcome:
    """Give a call that is up to a queue. The agent leaves; what comes of it, events tell."""
    if call.agents is None or name not in call.agents.queues:
        return failed(404, f"there is no queue {name}", "invalid")
    if not call.agents.talking:
        return failed(491, "the caller is in a menu or a queue", "limit")
    work: Coroutine[Any, Any, None] = call.lead(ToQueue(name))
    call.start(work, "queue")
    return TransferOutcome(True, 200, "queued")
