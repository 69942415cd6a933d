"""A conversation that begins later, or with others: a caller in a menu has none yet.

    none ──use──▶ one ──use──▶ another one        the one before is closed first

Without one the caller's audio goes nowhere, and what the call wants said is not said.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence

from sipua.bridge.conversation.interface import (
    Conversation,
    ConversationEvent,
    MakeConversation,
)
from sipua.bridge.engine_api.settings import InjectedRole, Past
from sipua.bridge.turns.state import TurnState


class SwitchedConversation:
    """See `Conversation` for what each method promises."""

    def __init__(
        self,
        on_event: Callable[[ConversationEvent], None],
        turns: TurnState,
        first: MakeConversation | None = None,
    ) -> None:
        self._on_event = on_event
        self._turns = turns
        self._inner: Conversation | None = first(on_event, turns) if first else None
        self._closed = False
        self._counted: Counter[str] = Counter()
        """Of those that have left."""

    @property
    def talks(self) -> bool:
        """Whether there is one."""
        return self._inner is not None

    async def use(self, make: MakeConversation) -> None:
        """Another one from now on; it is not connected yet."""
        await self.leave()
        if not self._closed:
            self._inner = make(self._on_event, self._turns)

    async def leave(self) -> None:
        """There is none any more."""
        inner, self._inner = self._inner, None
        if inner is not None:
            await inner.close()
            self._counted.update(inner.counters())

    @property
    def session_id(self) -> str:
        return self._inner.session_id if self._inner else ""

    async def connect(self, timeout_s: float) -> None:
        if self._inner is not None:
            await self._inner.connect(timeout_s)

    def append(self, audio: bytes) -> None:
        if self._inner is not None:
            self._inner.append(audio)

    def speak(self, instructions: str | None = None) -> None:
        if self._inner is not None:
            self._inner.speak(instructions)

    def truncate(self, item_id: str, audio_end_ms: int) -> None:
        if self._inner is not None:
            self._inner.truncate(item_id, audio_end_ms)

    def cancel(self) -> None:
        if self._inner is not None:
            self._inner.cancel()

    def tool_result(self, call_id: str, output: str, *, respond: bool = True) -> None:
        if self._inner is not None:
            self._inner.tool_result(call_id, output, respond=respond)

    def inject(self, role: InjectedRole, text: str, *, respond: bool) -> None:
        if self._inner is not None:
            self._inner.inject(role, text, respond=respond)

    def digit(self, key: str, duration_ms: int) -> None:
        if self._inner is not None:
            self._inner.digit(key, duration_ms)

    def marked(self, name: str, *, played: bool) -> None:
        if self._inner is not None:
            self._inner.marked(name, played=played)

    def past(self) -> Sequence[Past]:
        return self._inner.past() if self._inner else ()

    async def close(self) -> None:
        self._closed = True
        await self.leave()

    def counters(self) -> dict[str, int]:
        """Of all, one after the other."""
        total = Counter(self._counted)
        if self._inner is not None:
            total.update(self._inner.counters())
        return dict(total)
