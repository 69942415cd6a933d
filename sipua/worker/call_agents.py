"""The agents of one call with menus or queues: that of its route, and those that these lead to.

menu first   no conversation ──key──▶ that of the chosen route
queue first  no conversation ──its turn──▶ that of the route
fallback     that of the route ──its engines are gone──▶ menu ──key──▶ that of the chosen route
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Final

from sipua.bridge.call.media_path import MEDIA_PATH, MediaPath
from sipua.bridge.conversation.interface import Conversation, ConversationEvent
from sipua.bridge.conversation.switched import SwitchedConversation
from sipua.bridge.engine_api.settings import AudioFormat
from sipua.bridge.turns.state import TurnState
from sipua.bridge.uplink.timeline import Uplink
from sipua.calls.call import Call
from sipua.calls.facts import CallFacts, Notice
from sipua.calls.menus.menu import Action, Menu, ToQueue
from sipua.calls.menus.queue.queue import Queue
from sipua.codecs.g711 import Law
from sipua.edge.wiring.menus import Beginning
from sipua.queue.orders import QueueNews
from sipua.record.recorder import CallRecord
from sipua.worker.route_parts import RouteParts

Converse = Callable[[RouteParts, Callable[[ConversationEvent], None], TurnState], Conversation]


def _cheap_uplink(laws: Mapping[int, Law]) -> Uplink:
    """G.711 as it comes, until an engine says what it wants: nothing is resampled for a menu."""
    uplink = Uplink(laws)
    uplink.set_format(AudioFormat.PCMU)
    return uplink


IN_MENU: Final = MediaPath(uplink=_cheap_uplink)


def _nothing() -> None:
    """There is nothing to take off."""


@dataclass(frozen=True, slots=True)
class Led:
    """What leads the calls of a worker to agents, for all of them."""

    menus: Mapping[str, Menu]
    queues: Mapping[str, Queue]
    beginnings: Mapping[str, Beginning]
    """By the name of the route."""
    notices: Mapping[Notice, Action] = field(default_factory=dict)
    """What one hears who has dialled a code of members."""

    def beginning(self, facts: CallFacts) -> tuple[Action | None, str]:
        """What a call begins with, and the hours because of which it is so, if it is."""
        if facts.notice:
            return self.notices[facts.notice], ""
        begin = self.beginnings.get(facts.route)
        if begin is None:
            return None, ""
        if facts.direction == "outgoing":  # it has no hours, and does not wait for itself
            return (None if isinstance(begin.first, ToQueue) else begin.first), ""
        if begin.hours is not None and not begin.hours.is_open(facts.started_at):
            return begin.closed, begin.hours.name
        return begin.first, ""


class CallAgents:
    """See `LedAgents` for what its methods promise."""

    def __init__(
        self,
        led: Led,
        facts: CallFacts,
        *,
        routes: Callable[[str], RouteParts],
        first: RouteParts,
        converse: Converse,
        attach: Callable[[Call], Callable[[], None]],
    ) -> None:
        """`attach`: gives the call the tools of its profile; what it returns takes them away."""
        self.menus, self.queues = led.menus, led.queues
        self.on_queue: Callable[[QueueNews], None] | None = None
        self.first, self.closed_by = led.beginning(facts)
        self._routes = routes
        self._first = first
        self._converse = converse
        self._attach = attach
        self._detach: Callable[[], None] = _nothing
        self._conversation: SwitchedConversation | None = None
        self._call: Call | None = None
        self._record: CallRecord | None = None

    @property
    def path(self) -> MediaPath:
        return MEDIA_PATH if self.first is None else IN_MENU

    def conversation(
        self, on_event: Callable[[ConversationEvent], None], turns: TurnState
    ) -> SwitchedConversation:
        """What the call's bridge talks with."""
        first = partial(self._converse, self._first) if self.first is None else None
        self._conversation = SwitchedConversation(on_event, turns, first)
        return self._conversation

    def begin(self, call: Call, record: CallRecord) -> None:
        """The call is made."""
        self._call, self._record = call, record
        call.agents = self
        if self.first is None:
            self._detach = self._attach(call)

    @property
    def talking(self) -> bool:
        return self._conversation is not None and self._conversation.talks

    def note(self, event: str, fields: Mapping[str, Any]) -> None:
        if self._record is not None:
            kind, _, news = event.partition(".")
            self._record.note(kind, news=news, **fields)

    async def leave(self) -> None:
        self._detach()
        self._detach = _nothing
        if self._conversation is not None:
            await self._conversation.leave()

    async def change(self, route: str) -> None:
        call, conversation, parts = self._call, self._conversation, self._routes(route)
        assert call is not None
        assert conversation is not None
        self._detach()
        await conversation.use(partial(self._converse, parts))
        call.profile = parts.profile
        if self._record is not None:
            self._record.agent_begins(parts.record)
        self._detach = self._attach(call)
