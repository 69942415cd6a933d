"""A caller without an agent: from menu to queue and on, until an agent or a person has the call.

a route's menu, queue, documents, `closed` ─┬▶ lead ─▶ an agent
a fallback, a tool, a command ──────────────┘    ├───▶ a person, by a leg
                                                 └───▶ the end of the call
"""

from __future__ import annotations

from typing import Final, Protocol, TypeAlias

from sipua.calls.legs.outcome import TransferOutcome, failed
from sipua.calls.menus import run as menu_run
from sipua.calls.menus.menu import Action, HangUp, ToAgent, ToDocuments, ToQueue, words
from sipua.calls.menus.queue import run as queue_run
from sipua.calls.menus.queue.agents import LedAgents
from sipua.calls.parts.leaders import Leaders
from sipua.calls.steer.commands import JoinQueue, RunDocuments
from sipua.events.ending import Reason

MOST_STEPS: Final = 100
"""From one to the next; two full queues may name each other."""
BUSY: Final = 486
NOT_AVAILABLE: Final = 480

Why: TypeAlias = tuple[Reason, str]
CHOSEN: Final[Why] = (Reason.MENU, "menu")


class LedCall(queue_run.QueueCall, menu_run.MenuCall, Protocol):
    agents: LedAgents | None

    leaders: Leaders

    @property
    def answered(self) -> bool: ...

    @property
    def put_through(self) -> bool: ...

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
                action, why, _ = await queue_run.run(call, agents, action)
            case ToDocuments():
                call.bridge.interrupt("operator")  # an agent that was here is cut off
                await agents.leave()
                action, why, _ = await agents.documents(action)
            case HangUp() if not call.answered:
                status = BUSY if why[0] is Reason.QUEUE else NOT_AVAILABLE
                call.hang_up(*why, status)
                return False
            case _:
                action = await menu_run.run(call, agents, action, mask=mask, why=why)
    call.hang_up(*why)
    return False


def ordered(call: LedCall, order: JoinQueue | RunDocuments) -> TransferOutcome:
    """Give a call to a queue, or to documents, in the place of whoever leads it or talks with it;
    events tell what comes of it. Not while somebody else has the caller."""
    agents = call.agents
    to: Action = ToDocuments(order) if isinstance(order, RunDocuments) else ToQueue(order.queue)
    if agents is None or (isinstance(to, ToQueue) and to.queue not in agents.queues):
        missing = words(to) if isinstance(to, ToQueue) else "twilio.account_sid"
        return failed(404, f"there is no {missing}", "invalid")
    if call.put_through and not agents.dialling:
        return failed(491, "the other side is being put through, or talks with the target", "limit")
    if isinstance(to, ToQueue) and not (agents.talking or agents.in_documents):
        return failed(491, "the caller is in a menu or a queue", "limit")
    call.leaders.cancel()
    call.leaders.start(call.lead(to), words(to))
    return TransferOutcome(True, 200, words(to))
