"""What a running tool knows of its call, and may do to it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Protocol

from structlog.typing import FilteringBoundLogger

from sipua.bridge.events import BridgeEvent
from sipua.calls.facts import CallFacts
from sipua.tools.call_queue import Result
from sipua.tools.wire.schema import Declaration

LOOK_S = 0.04
"""How often a waiting tool looks again: two packets."""


@dataclass(frozen=True, slots=True)
class Transferred:
    """What became of a transfer. `text` is for the model, when it did not work."""

    ok: bool
    text: str = ""


class CallControl(Protocol):
    """The call, as far as tools may touch it. Never waits, but for `transfer`."""

    def facts(self) -> CallFacts: ...

    @property
    def speaking(self) -> bool:
        """Something is being said to the caller, or about to be."""

    def interruptible(self, on: bool) -> None: ...
    def listening(self, on: bool) -> None: ...
    def hold_sound(self, on: bool) -> None: ...
    def send_dtmf(self, digits: str) -> None:
        """Raises ValueError for a key that does not exist."""

    async def transfer(self, target: str) -> Transferred: ...
    def hang_up(self, cause: str) -> None: ...
    def tool_result(
        self, call_id: str, output: str, *, respond: bool = True, outcome: str = ""
    ) -> None: ...


@dataclass(slots=True, eq=False)
class ToolContext:
    """One run of one tool."""

    tool_call_id: str
    call: CallControl
    log: FilteringBoundLogger
    spoke: bool
    """The response that called it had something to say, which may still be playing."""
    others_running: Callable[[], int]
    answer: Callable[[Result], None]
    """Give the result now and go on; what `run` returns is then nobody's."""
    claims: set[str]
    """What tools of this call have for themselves: the keypad, the hold."""
    listeners: list[Callable[[BridgeEvent], None]] = field(default_factory=list)

    async def until(self, happened: Callable[[], bool], timeout_s: float) -> bool:
        """Whether it did in time."""
        loop = asyncio.get_running_loop()
        deadline = loop.time() + timeout_s
        while not happened():
            if loop.time() >= deadline:
                return False
            await asyncio.sleep(LOOK_S)
        return True

    async def said(self, timeout_s: float) -> bool:
        """Until the caller has heard what is being said: quiet, and not only between two words."""
        quiet = 0

        def still() -> bool:
            nonlocal quiet
            quiet = 0 if self.call.speaking else quiet + 1
            return quiet > 2

        return await self.until(still, timeout_s)

    @contextmanager
    def listen(self, listener: Callable[[BridgeEvent], None]) -> Iterator[None]:
        """To what happens in the call, meanwhile."""
        self.listeners.append(listener)
        try:
            yield
        finally:
            self.listeners.remove(listener)

    def claimed(self, thing: str) -> bool:
        """Some tool has it."""
        return thing in self.claims

    @contextmanager
    def claim(self, thing: str) -> Iterator[bool]:
        """False: another tool has it."""
        free = thing not in self.claims
        if free:
            self.claims.add(thing)
        try:
            yield free
        finally:
            if free:
                self.claims.discard(thing)


class Tool(Protocol):
    """`run` raises nothing that it expects; TimeoutError and bugs are the runner's to tell."""

    @property
    def declaration(self) -> Declaration: ...
    @property
    def timeout_s(self) -> float: ...
    @property
    def reveals(self) -> bool:
        """False: what it returns is nobody's business, such as a PIN. Logs mask it."""

    async def run(self, arguments: dict[str, Any], context: ToolContext) -> Result | None: ...
