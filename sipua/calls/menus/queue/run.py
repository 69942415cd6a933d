"""A queue in a call: the edge says whose turn it is, the caller hears music and announcements.

A caller whose turn comes at once is not answered before its agent is ready, as without a queue. Who
has to wait is answered, and hears music. What the caller says is not listened to, as in a menu.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any, Final, Protocol, TypeAlias

from sipua.bridge.agent.speech.spoken_prompt import spoken_prompt
from sipua.bridge.call.call_bridge import CallBridge
from sipua.bridge.events import BridgeEvent
from sipua.bridge.playout.sound_files import SoundError
from sipua.calls.legs.orders import CallOrder
from sipua.calls.legs.outcome import Cause, TransferOutcome
from sipua.calls.legs.ringing import Ringing, RingOutcome
from sipua.calls.legs.second_leg import SecondLeg
from sipua.calls.menus.agents import Way
from sipua.calls.menus.menu import Action, Sound, ToAgent, ToQueue, ToTarget, words
from sipua.calls.menus.queue.agents import LedAgents
from sipua.calls.menus.queue.queue import Queue
from sipua.calls.menus.queue.wait import Announce, Leave, PlaySound, QueueWait, Step
from sipua.calls.steer.refer import target_uri
from sipua.events import queue_events
from sipua.events.ending import Reason
from sipua.events.event import Event
from sipua.log import logs
from sipua.queue.orders import (
    JoinQueue,
    LeaveQueue,
    OfferEnded,
    QueueNews,
    QueueOffer,
    QueuePlace,
    QueueRefused,
    QueueTurn,
)
from sipua.rtp.events import Dtmf

ASKER: Final = "queue"
ANSWERED_WITHIN_S: Final = 5.0
"""By the edge, which is on this machine."""
_MOST_WAITING: Final = 64
"""Keys and news; places follow each other, the last one counts."""


class _Profile(Protocol):
    @property
    def route(self) -> str: ...


class _Facts(Protocol):
    @property
    def peer(self) -> str: ...


class QueueCall(Protocol):
    """What a queue needs of a call."""

    call_id: str
    bridge: CallBridge
    confirmed: asyncio.Event
    second: SecondLeg

    @property
    def profile(self) -> _Profile: ...

    @property
    def on_hold(self) -> bool: ...

    def facts(self) -> _Facts: ...

    def send(self, order: CallOrder, /) -> None: ...

    def answer(self) -> None: ...

    def tell(self, event: Event, /) -> None: ...

    def start(self, work: Coroutine[Any, Any, None], name: str) -> asyncio.Task[None]: ...

    def subscribe(self, listener: Callable[[BridgeEvent, float], None]) -> Callable[[], None]: ...

    async def transfer(self, target: str) -> TransferOutcome: ...


_News: TypeAlias = QueueNews | Dtmf | RingOutcome | None
"""None: the deadline is over."""


async def run(call: QueueCall, agents: LedAgents, to: ToQueue) -> Way:
    """Returns when the call is in the queue no more."""
    queue = agents.queues[to.queue]
    if queue.hours is not None and not queue.hours.is_open(datetime.now(UTC)):
        call.tell(queue_events.QueueJoined(queue=queue.name, priority=to.priority))
        left = queue_events.QueueLeft(
            queue=queue.name, reason="closed", waited_ms=0, to=words(queue.closed)
        )
        call.tell(left)
        why = Reason.CLOSED, f"queue {queue.name}: closed"
        return Way(queue.closed, why, "closed")
    return await _Run(call, agents, queue, to).run()


class _Run:
    def __init__(self, call: QueueCall, agents: LedAgents, queue: Queue, to: ToQueue) -> None:
        self._call = call
        self._agents = agents
        self._queue = queue
        self._to = to
        self._route = to.route or queue.route or call.profile.route
        self._loop = asyncio.get_running_loop()
        self._began = self._loop.time()
        self._news: asyncio.Queue[_News] = asyncio.Queue()
        self._wait = QueueWait(queue, self._began)
        self._offer: QueueOffer | None = None
        self._ringing: asyncio.Task[None] | None = None
        self._left = False
        self._served_ms: int | None = None
        """What it had waited when it was served."""

    async def run(self) -> Way:
        call = self._call
        unsubscribe = call.subscribe(self._listen)
        self._agents.on_queue = self._take
        self._tell(queue_events.QueueJoined(queue=self._queue.name, priority=self._to.priority))
        self._join(0.0)
        try:
            news = await self._next(self._began + ANSWERED_WITHIN_S)
            if isinstance(news, QueuePlace | QueueOffer):
                call.answer()
                await call.confirmed.wait()
                call.bridge.interruptible = False  # by voice: our own detection may still run
                call.bridge.fill(self._queue.music, ASKER)
            elif news is None:
                return self._go("unknown", self._queue.on_timeout)
            return await self._until_left(news)
        finally:
            unsubscribe()
            self._agents.on_queue = None
            call.bridge.interruptible = True
            call.bridge.fill(None, ASKER)
            if not self._left:
                self._go("served" if self._wait.connected else "hangup", None)

    async def _until_left(self, news: _News) -> Way:
        while True:
            if (gone := self._way_out(news)) is not None:
                return gone
            for step in self._steps(news):
                if (gone := await self._do(step)) is not None:
                    return gone
            news = await self._next(self._wait.deadline)

    def _way_out(self, news: _News) -> Way | None:
        match news:
            case QueueTurn():
                self._served_ms = self._waited_ms()
                self._tell(
                    queue_events.QueueConnected(queue=self._queue.name, waited_ms=self._served_ms)
                )
                return self._go("served", ToAgent(self._route))
            case QueueRefused(cause="full"):
                return self._go("full", self._queue.on_full)
            case QueueRefused(cause="empty"):
                return self._go("empty", self._queue.on_empty)
            case QueueRefused():
                return self._go("unknown", self._queue.on_timeout)
            case RingOutcome(stayed=True):
                return self._go("served", None)
        return None

    def _steps(self, news: _News) -> Sequence[Step]:
        now = self._loop.time()
        match news:
            case QueuePlace():
                self._tell_position(news)
                return self._wait.placed(news.position, news.wait_s, now)
            case QueueOffer():
                self._ring(news)
            case RingOutcome():
                self._not_reached(news)
            case Dtmf():
                return self._wait.key(news.digit)
            case None:
                if self._call.on_hold:  # who holds us for ever is given up as any other
                    self._wait.postpone(now)
                return self._wait.expire(now)
        return ()

    async def _do(self, step: Step) -> Way | None:
        """What the call goes on with; None: it waits on."""
        bridge = self._call.bridge
        match step:
            case Announce():
                await self._announce(step)
            case PlaySound():
                bridge.interrupt("caller")
                bridge.play(f"queue:{step.sound.name}", step.sound.pcm, interruptible=True)
            case Leave(why="key", key=key, action=ToTarget() as action):
                return await self._transfer(key, action)
            case Leave():
                if step.why == "key":
                    bridge.interrupt("caller")
                return self._go(step.why, step.action, step.key)
        return None

    # --- what the caller hears ------------------------------------------------------------

    async def _announce(self, step: Announce) -> None:
        sounds = [self._queue.announcement] if self._queue.announcement else []
        spoken = self._queue.spoken
        for text in spoken.texts(step.position, step.wait_s):
            try:  # a tenth of a second, the first time; the loop has other calls
                pcm = await asyncio.to_thread(
                    spoken_prompt, text, spoken.voice, spoken.words_per_minute
                )
                sounds.append(Sound("position", pcm))
            except SoundError as error:  # the caller hears music, and waits all the same
                logs.bind_call(self._call.call_id).warning(
                    "queue.not_spoken", queue=self._queue.name, error=str(error)
                )
        for sound in sounds:
            self._call.bridge.play(f"queue:{sound.name}", sound.pcm, interruptible=True)
        self._wait.lasts(sum(sound.seconds for sound in sounds), self._loop.time())

    # --- people ---------------------------------------------------------------------------

    def _ring(self, offer: QueueOffer) -> None:
        self._offer, self._wait.ringing = offer, True
        self._tell(queue_events.QueueOffered(queue=self._queue.name, members=list(offer.members)))
        peer = self._call.facts().peer
        ringing = self._call.second.ring(
            {name: target_uri(target, peer) for name, target in offer.members.items()},
            account=offer.account,
            ring_s=offer.ring_s,
            on_answered=self._on_answered,
        )
        self._ringing = self._call.start(self._rung(ringing), "queue: ringing")

    async def _rung(self, ringing: Ringing) -> None:
        self._news.put_nowait(await ringing.run())

    def _on_answered(self, member: str, failed: Mapping[str, Cause]) -> None:
        assert self._offer is not None
        self._wait.connected, self._served_ms = True, self._waited_ms()
        self._call.bridge.fill(None, ASKER)
        self._call.bridge.interrupt("transfer")
        self._call.send(OfferEnded(self._call.call_id, self._offer.offer, member, dict(failed)))
        self._tell(
            queue_events.QueueConnected(
                queue=self._queue.name,
                waited_ms=self._waited_ms(),
                member=member,
                failed=dict(failed) or None,
            )
        )

    def _not_reached(self, outcome: RingOutcome) -> None:
        """It waits on, where it was."""
        assert self._offer is not None
        failed: dict[str, str] = dict(outcome.failed)
        if outcome.answered:  # and has hung up at once
            failed[outcome.answered] = "target_left"
            self._call.bridge.fill(self._queue.music, ASKER)
            self._join(self._loop.time() - self._began)
        else:
            self._call.send(OfferEnded(self._call.call_id, self._offer.offer, "", failed))
        self._tell(queue_events.QueueMissed(queue=self._queue.name, failed=failed))
        self._offer = self._ringing = self._served_ms = None
        self._wait.ringing = self._wait.connected = False

    # --- the way out ----------------------------------------------------------------------

    async def _transfer(self, key: str, action: ToTarget) -> Way | None:
        """One that fails costs the caller no place."""
        self._call_off()
        self._call.send(LeaveQueue(self._call.call_id))
        self._call.bridge.interrupt("caller")
        if (await self._call.transfer(action.target)).ok:
            return self._go("key", None, key, action)
        while not self._news.empty():  # of a queue that it was not in
            self._news.get_nowait()
        self._join(self._loop.time() - self._began)
        return None

    def _go(
        self, reason: str, action: Action | None, key: str = "", to: Action | None = None
    ) -> Way:
        """Leave the queue; `to`: what has been done already."""
        self._left = True
        self._call_off()
        if reason != "served":
            self._call.send(LeaveQueue(self._call.call_id))
        follows = action or to
        self._tell(
            queue_events.QueueLeft(
                queue=self._queue.name,
                reason=reason,
                waited_ms=self._waited_ms(),
                key=key or None,
                to=None if follows is None else words(follows),
            )
        )
        why = f"key {key}" if key else reason
        return Way(action, (Reason.QUEUE, f"queue {self._queue.name}: {why}"), reason)

    def _call_off(self) -> None:
        """Nobody is called for the caller any more."""
        ringing, self._ringing = self._ringing, None
        if ringing is not None and not ringing.done():
            ringing.cancel()
        self._wait.ringing = self._wait.connected = False

    def _join(self, waited_s: float) -> None:
        self._call.send(
            JoinQueue(
                self._call.call_id, self._queue.name, self._to.priority, waited_s, self._route
            )
        )

    # --- news -----------------------------------------------------------------------------

    def _listen(self, event: BridgeEvent, _now: float) -> None:
        if isinstance(event, Dtmf) and self._news.qsize() < _MOST_WAITING:
            self._news.put_nowait(event)

    def _take(self, news: QueueNews) -> None:
        """From the edge, which sends few."""
        self._news.put_nowait(news)

    async def _next(self, deadline: float) -> _News:
        try:
            async with asyncio.timeout_at(None if deadline == float("inf") else deadline):
                return await self._news.get()
        except TimeoutError:
            return None

    def _tell_position(self, place: QueuePlace) -> None:
        wait_s = None if place.wait_s is None else round(place.wait_s, 1)
        self._tell(
            queue_events.QueuePosition(
                queue=self._queue.name, position=place.position, estimated_wait_s=wait_s
            )
        )

    def _waited_ms(self) -> int:
        if self._served_ms is not None:
            return self._served_ms
        return round((self._loop.time() - self._began) * 1000)

    def _tell(self, event: Event) -> None:
        self._call.tell(event)
        self._agents.note(event.type, event.fields())
