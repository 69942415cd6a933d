"""What leads a caller to the agents of a call: menus, and queues."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Protocol

from sipua.calls.menus.agents import Agents, Way
from sipua.calls.menus.menu import Action, ToDocuments
from sipua.calls.menus.queue.queue import Queue
from sipua.queue.orders import QueueNews


class LedAgents(Agents, Protocol):
    on_queue: Callable[[QueueNews], None] | None
    """Of a call that is in a queue: takes what the edge says of it."""

    @property
    def queues(self) -> Mapping[str, Queue]: ...

    @property
    def first(self) -> Action | None:
        """What the call begins with; None: with an agent."""

    @property
    def closed_by(self) -> str:
        """The hours because of which it begins so; empty: others do not count."""

    @property
    def in_documents(self) -> bool:
        """Whether documents lead the call: they go on when an agent of theirs ends."""

    @property
    def dialling(self) -> bool:
        """Whether these have called somebody, who may have the caller now."""

    async def documents(self, to: ToDocuments) -> Way:
        """Led by these. Returns when they have given the call to somebody, or have ended it."""

    async def leave(self) -> None:
        """No agent has the call any more; its session ends."""
