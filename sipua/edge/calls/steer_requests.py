"""Commands to calls that wait for their outcome: bounded in number and in time."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from sipua.calls.steer.commands import Command, Done, Hold, Transfer, fault_of
from sipua.calls.steer.hold import ANSWERED_WITHIN_S, MOST_TRIES
from sipua.calls.steer.refer import TIMEOUT_S
from sipua.worker.link.coding import LinkError
from sipua.worker.link.messages import Steer, Steered

MOST_OF_ONE_CALL: Final = 8
ANSWERED_S: Final = 5.0
"""A worker whose loop runs has answered by then; one that hangs is dead (4 s)."""
LONGEST_DIAL_S: Final = 90.0
"""The most that `tools.transfer.ring_timeout_s` and `settle_s` may be together."""


@dataclass(slots=True)
class _Waiting:
    call_id: str
    command: Command
    done: asyncio.Future[Done]


class SteerRequests:
    """On the edge's loop."""

    def __init__(self) -> None:
        self._number = 0
        self._waiting: dict[int, _Waiting] = {}

    async def ask(
        self, call_id: str, command: Command, by: str, send: Callable[[Steer], None]
    ) -> Done:
        """`send`: to the call's worker; may raise LinkError."""
        if fault := fault_of(command):
            return Done("invalid", fault)
        if self._of(call_id) >= MOST_OF_ONE_CALL:
            return Done("busy", f"{MOST_OF_ONE_CALL} commands of this call wait")
        self._number += 1
        number = self._number
        waiting = _Waiting(call_id, command, asyncio.get_running_loop().create_future())
        self._waiting[number] = waiting
        within_s = longest_s(command)
        try:
            send(Steer(number, call_id, command, by))
            async with asyncio.timeout(within_s):
                return await waiting.done
        except LinkError as error:
            return Done("busy", str(error))
        except TimeoutError:
            return Done("timeout", f"no answer within {within_s:g} s")
        finally:
            del self._waiting[number]

    def answered(self, message: Steered) -> Command | None:
        """The command that it is the outcome of; None: it is not waited for any more."""
        waiting = self._waiting.get(message.request)
        if waiting is None or waiting.call_id != message.call_id:
            return None
        _settle(waiting, message.done)
        return waiting.command

    def over(self, call_id: str) -> None:
        """The call has ended. A hang-up has done its work; the rest has lost its call."""
        for waiting in self._waiting.values():
            if waiting.call_id == call_id:
                _settle(waiting, Done("no_call", "the call has ended meanwhile"))

    def _of(self, call_id: str) -> int:
        return sum(waiting.call_id == call_id for waiting in self._waiting.values())


def longest_s(command: Command) -> float:
    """How long the outcome of a command may take."""
    match command:
        case Hold():
            return ANSWERED_WITHIN_S + MOST_TRIES * 4.0 + ANSWERED_S
        case Transfer(wait=True):
            return TIMEOUT_S + LONGEST_DIAL_S + ANSWERED_S
    return ANSWERED_S


def _settle(waiting: _Waiting, done: Done) -> None:
    if not waiting.done.done():
        waiting.done.set_result(done)
