"""The agents of one call with menus, queues or documents: that of its route, and those that these
lead to.

menu first   no conversation ──key──▶ that of the chosen route
queue first  no conversation ──its turn──▶ that of the route
documents    no conversation ──<Stream>──▶ that of the stream ──its end──▶ no conversation …
fallback     that of the route ──its engines are gone──▶ menu ──key──▶ that of the chosen route
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Final

from sipua.bridge.call.media_path import MEDIA_PATH, MediaPath
from sipua.bridge.conversation.interface import Conversation, ConversationEvent
from sipua.bridge.conversation.switched import SwitchedConversation
from sipua.bridge.engine_api.errors import EngineConnectError
from sipua.bridge.engine_api.events import EngineHangsUp
from sipua.bridge.engine_api.settings import AudioFormat
from sipua.bridge.events import BridgeEvent, EngineGone
from sipua.bridge.turns.state import TurnState
from sipua.bridge.uplink.timeline import Uplink
from sipua.calls.call import Call
from sipua.calls.facts import CallFacts, Notice
from sipua.calls.menus.agents import Way
from sipua.calls.menus.menu import Action, HangUp, Menu, ToDocuments, ToQueue
from sipua.calls.menus.queue import run as queue_run
from sipua.calls.menus.queue.queue import Queue
from sipua.calls.steer import waiting
from sipua.codecs.g711 import Law
from sipua.edge.wiring.menus import Beginning
from sipua.queue.orders import QueueNews
from sipua.record.recorder import CallRecord
from sipua.twilio.fetch import FetchError
from sipua.twilio.steps import QueueLeft
from sipua.twilio.twiml.verbs import Stream
from sipua.worker.call.documents import CallDocuments, Documents, LeftDocumentsError
from sipua.worker.call.route_parts import RouteParts

LONGEST_LAST_WORDS_S: Final = 30.0
"""What an agent has said before it closed its stream is heard."""
# As the vendor numbers them.
STREAM_NOT_CONNECTED: Final = 31_920
NO_QUEUE: Final = 13_240

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
    documents: Documents | None = None
    """None: no call is led by documents."""

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
        documents: ToDocuments | None = None,
    ) -> None:
        """`attach`: gives the call the tools of its profile; what it returns takes them away.
        `documents`: these lead it, whatever its route has."""
        self.menus, self.queues = led.menus, led.queues
        self.on_queue: Callable[[QueueNews], None] | None = None
        self.first, self.closed_by = (documents, "") if documents else led.beginning(facts)
        self._routes = routes
        self._first = first
        self._converse = converse
        self._attach = attach
        self._detach: Callable[[], None] = _nothing
        self._conversation: SwitchedConversation | None = None
        self._call: Call | None = None
        self._record: CallRecord | None = None
        self._shared = led.documents
        self._documents: CallDocuments | None = None

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
        if self._shared is not None:
            self._documents = CallDocuments(self._shared, call, self)
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
        if self._call is not None:
            self._call.bridge.agent_left()

    async def change(self, route: str) -> None:
        await self._take(self._routes(route))

    # --- documents ------------------------------------------------------------------------

    @property
    def in_documents(self) -> bool:
        return self._documents is not None and self._documents.lead

    @property
    def dialling(self) -> bool:
        return self._documents is not None and self._documents.dialling

    async def documents(self, to: ToDocuments) -> Way:
        assert self._documents is not None
        return await self._documents.run(to)

    async def stream(self, stream: Stream) -> None:
        """The agent of a document, until it ends or is lost; also one that is not there."""
        call, shared = self._call, self._shared
        assert call is not None
        assert shared is not None
        ended = asyncio.Event()

        def listen(event: BridgeEvent, _now: float) -> None:
            if isinstance(event, EngineHangsUp | EngineGone):
                ended.set()

        unsubscribe = call.subscribe(listen)
        try:
            await self._take(await shared.parts(stream, call.facts(), self._first, call.log))
            await call.bridge.connect(call.profile.connect_timeout_s)
            await ended.wait()
            await waiting.played_out(lambda: call.bridge.speaking, LONGEST_LAST_WORDS_S)
        except FetchError as error:
            text = f"Connect->Stream: {error}"
            call.log.warning("twilio.remark", code=error.code, text=text)
        except EngineConnectError as error:
            text = f"Connect->Stream: the agent cannot be reached: {error.kind}"
            call.log.warning("twilio.remark", code=STREAM_NOT_CONNECTED, text=text)
        except asyncio.CancelledError:
            if not call.over:  # somebody else leads the call, and it is silent at once
                call.bridge.interrupt("operator")
            raise
        finally:
            unsubscribe()
            await self.leave()

    async def queue(self, name: str) -> QueueLeft:
        """Raises LeftDocumentsError when somebody else has the call then."""
        call = self._call
        assert call is not None
        if name not in self.queues:
            call.log.warning("twilio.remark", code=NO_QUEUE, text="Enqueue: there is no such queue")
            return QueueLeft("error")
        began = asyncio.get_running_loop().time()
        way = await queue_run.run(call, self, ToQueue(name))
        if not isinstance(way.action, HangUp):
            raise LeftDocumentsError(way)
        waited_s = round(asyncio.get_running_loop().time() - began)
        return QueueLeft("queue-full" if way.left == "full" else "leave", waited_s)

    async def _take(self, parts: RouteParts) -> None:
        call, conversation = self._call, self._conversation
        assert call is not None
        assert conversation is not None
        self._detach()
        await conversation.use(partial(self._converse, parts))
        call.profile = parts.profile
        if self._record is not None:
            self._record.agent_begins(parts.record)
        self._detach = self._attach(call)
