"""The context of a running tool: what it knows of its call, and may do to it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, Protocol

from structlog.typing import FilteringBoundLogger

from sipua.bridge.events import BridgeEvent
from sipua.bridge.fault_owner import nothing
from sipua.calls.facts import CallFacts
from sipua.calls.steer import waiting
from sipua.events.event import Event
from sipua.tools.call_queue import Result
from sipua.tools.wire.schema import Declaration


@dataclass(frozen=True, slots=True)
class Transferred:
    """The result of a transfer. `text` is for the model, when it failed."""

    ok: bool
    text: str = ""


class CallControl(Protocol):
    """The methods of a call that tools may use. Only `transfer` waits."""

    def facts(self) -> CallFacts: ...

    @property
    def speaking(self) -> bool:
        """Whether speech to the caller plays, or is about to."""

    def interruptible(self, on: bool) -> None: ...
    def listening(self, on: bool) -> None: ...
    def hold_sound(self, on: bool) -> None: ...
    def pause_recording(self, asker: str) -> bool:
        """False: nothing was kept anyway. Until the same asker lets it go on."""

    def resume_recording(self, asker: str) -> bool:
        """False: nothing is kept still."""

    @property
    def pauses_while_collecting(self) -> bool:
        """Whether a recording has silence while the caller types."""

    def send_dtmf(self, digits: str) -> None:
        """Raises ValueError for a key that does not exist."""

    async def transfer(self, target: str, name: str) -> Transferred:
        """`name`: of the configured destination that has the target."""

    def hang_up(self, detail: str) -> None:
        """`detail`: why, for people."""

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
    """Whether the response that called it had speech, which may still be playing."""
    others_running: Callable[[], int]
    answer: Callable[[Result], None]
    """Give the result now and go on; the result of `run` is then ignored."""
    claims: set[str]
    """What one tool of this call uses alone: the caller's keys, the hold."""
    listeners: list[Callable[[BridgeEvent], None]] = field(default_factory=list)
    tell: Callable[[Event], None] = nothing
    """Tells an event of the call."""

    async def until(self, happened: Callable[[], bool], timeout_s: float) -> bool:
        """Wait; whether it happened in time."""
        return await waiting.until(happened, timeout_s)

    async def played_out(self, timeout_s: float) -> bool:
        """Wait until the speech has been played."""
        return await waiting.played_out(lambda: self.call.speaking, timeout_s)

    @contextmanager
    def listen(self, listener: Callable[[BridgeEvent], None]) -> Iterator[None]:
        """Pass the call's events to `listener`, meanwhile."""
        self.listeners.append(listener)
        try:
            yield
        finally:
            self.listeners.remove(listener)

    def claimed(self, thing: str) -> bool:
        """Whether a tool has it."""
        return thing in self.claims

    @contextmanager
    def claim(self, thing: str) -> Iterator[bool]:
        """Take it for this tool; False: another tool has it."""
        free = thing not in self.claims
        if free:
            self.claims.add(thing)
        try:
            yield free
        finally:
            if free:
                self.claims.discard(thing)


class Tool(Protocol):
    """A tool. `run` raises no expected error; the runner reports TimeoutError and bugs."""

    @property
    def declaration(self) -> Declaration: ...
    @property
    def timeout_s(self) -> float: ...
    @property
    def reveals(self) -> bool:
        """False: its result is private, such as a PIN, and masked in logs."""

    async def run(self, arguments: dict[str, Any], context: ToolContext) -> Result | None: ...
