"""The agents of one call with menus: that of its route, and those that keys lead to.

menu first   no conversation ──key──▶ that of the chosen route
fallback     that of the route ──its engines are gone──▶ menu ──key──▶ that of the chosen route
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, Final

from sipua.bridge.call.media_path import MEDIA_PATH, MediaPath
from sipua.bridge.conversation.interface import Conversation, ConversationEvent
from sipua.bridge.conversation.switched import SwitchedConversation
from sipua.bridge.engine_api.settings import AudioFormat
from sipua.bridge.turns.state import TurnState
from sipua.bridge.uplink.timeline import Uplink
from sipua.calls.call import Call
from sipua.calls.menus.menu import Menu
from sipua.codecs.g711 import Law
from sipua.record.recorder import CallRecord
from sipua.worker.route_parts import RouteParts

Converse = Callable[[RouteParts, Callable[[ConversationEvent], None], TurnState], Conversation]


def _cheap_uplink(laws: Mapping[int, Law]) -> Uplink:
    """G.711 as it comes, until an engine says what it wants: nothing is resampled for a menu."""
    uplink = Uplink(laws)
    uplink.set_format(AudioFormat.PCMU)
    return uplink


IN_MENU: Final = MediaPath(uplink=_cheap_uplink)


class CallAgents:
    """See `Agents` for what its methods promise."""

    def __init__(
        self,
        menus: Mapping[str, Menu],
        routes: Callable[[str], RouteParts],
        first: RouteParts,
        converse: Converse,
        attach: Callable[[Call], Callable[[], None]],
    ) -> None:
        """`attach`: gives the call the tools of its profile; what it returns takes them away."""
        self.menus = menus
        self._routes = routes
        self._first = first
        self._converse = converse
        self._attach = attach
        self._detach: Callable[[], None] = lambda: None
        self._conversation: SwitchedConversation | None = None
        self._call: Call | None = None
        self._record: CallRecord | None = None

    @property
    def path(self) -> MediaPath:
        return IN_MENU if self._first.profile.menu else MEDIA_PATH

    def conversation(
        self, on_event: Callable[[ConversationEvent], None], turns: TurnState
    ) -> SwitchedConversation:
        """What the call's bridge talks with."""
        first = None if self._first.profile.menu else partial(self._converse, self._first)
        self._conversation = SwitchedConversation(on_event, turns, first)
        return self._conversation

    def begin(self, call: Call, record: CallRecord) -> None:
        """The call is made."""
        self._call, self._record = call, record
        call.agents = self
        if not self._first.profile.menu:
            self._detach = self._attach(call)

    @property
    def talking(self) -> bool:
        return self._conversation is not None and self._conversation.talks

    def note(self, news: str, fields: Mapping[str, Any]) -> None:
        if self._record is not None:
            self._record.note("menu", news=news, **fields)

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
