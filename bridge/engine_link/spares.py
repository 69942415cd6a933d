"""Spare connections: opened before there is a session, so that it need only be configured.

DNS, TCP, TLS and the upgrade take a vendor some hundred milliseconds, in which a caller hears it
ring. A spare connection has them behind it. It serves a session whose address and headers are its
own, and no other.

    session ── connect ─▶ a spare that waits? ── yes ─▶ handed over, with what the server has said
                                └─ no ─▶ websocket.connect, as without spares

A connection that waits is pinged like one in use. One that the server closes is gone at once; one
that does not answer is not given away; one that no session could be configured over makes its
session connect anew, and the others at that address are closed.
"""

from __future__ import annotations

import asyncio
import random as chance
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Final, TypeAlias, Unpack

import structlog
from structlog.typing import FilteringBoundLogger

from sipua.bridge.engine_api.errors import EngineConnectError
from sipua.bridge.engine_api.protocol import USUAL_LINK, Link
from sipua.bridge.engine_link import websocket
from sipua.bridge.engine_link.spare_plan import SparePlan
from sipua.bridge.engine_link.websocket import Socket, Spare
from sipua.bridge.fault_owner import FaultOwner, nothing

# A ping that waits longer for its answer is no proof of life: the next session connects anew.
UNANSWERED_S: Final = 1.0
# What a server says before it is told anything. Beyond that it is none that we know.
EARLY_MESSAGES: Final = 16
EARLY_BYTES: Final = 64 * 1024

# A spare connection has none, and serves a call that would have one all the same.
_OF_ONE_CALL: Final = ("traceparent",)

Key: TypeAlias = tuple[str, frozenset[tuple[str, str]]]


@dataclass(frozen=True, slots=True)
class SpareAddress:
    """Where spare connections are kept, and how many."""

    url: str = field(repr=False)
    headers: Mapping[str, str] = field(repr=False)
    count: int
    max_age_s: float
    open_timeout_s: float
    name: str
    """Of the engine there."""
    tried: Callable[[bool], None] = field(default=nothing, repr=False)
    """Hears whether the engine was reached, when that is news to calls."""
    link: Link = USUAL_LINK

    @property
    def key(self) -> Key:
        return _key(self.url, self.headers)


class SpareConnections:
    """All spare connections of a process."""

    def __init__(
        self, addresses: Sequence[SpareAddress] = (), random: Callable[[], float] = chance.random
    ) -> None:
        self._keepers: dict[Key, _Keeper] = {}
        for address in addresses:
            # Of routes that share an address, the first one says how many.
            self._keepers.setdefault(address.key, _Keeper(address, random))

    def start(self) -> None:
        for keeper in self._keepers.values():
            keeper.look()

    @property
    def waiting(self) -> int:
        """Those that wait for a call."""
        return sum(keeper.waiting for keeper in self._keepers.values())

    async def connect(
        self,
        url: str,
        headers: Mapping[str, str],
        *,
        open_timeout_s: float,
        **use: Unpack[websocket.Use],
    ) -> Socket:
        """As `websocket.connect`, but over a spare connection if one waits there."""
        keeper = self._keepers.get(_key(url, headers)) if self._keepers else None
        if keeper is None:
            return await websocket.connect(url, headers, open_timeout_s=open_timeout_s, **use)
        if (waiting := keeper.take()) is not None:
            waiting.socket.hand_over(waiting.spare, **use)
            return waiting.socket
        socket = await websocket.connect(url, headers, open_timeout_s=open_timeout_s, **use)
        keeper.reached()
        return socket

    async def close(self) -> None:
        """Close all, and open none any more; takes a second at most."""
        await asyncio.gather(*(keeper.close() for keeper in self._keepers.values()))


@dataclass(slots=True, eq=False)
class _Waiting:
    spare: Spare
    socket: Socket = field(init=False)


class _Keeper:
    """Keeps the connections to one address, as its plan says."""

    def __init__(self, address: SpareAddress, random: Callable[[], float]) -> None:
        self._address = address
        self._plan: SparePlan[_Waiting] = SparePlan(address.count, address.max_age_s, random)
        self._log: FilteringBoundLogger = structlog.get_logger("sipua.engine").bind(
            engine=address.name
        )
        self._faults = FaultOwner("engine.spare_fault", self._log, nothing)
        self._timer: asyncio.TimerHandle | None = None
        self._opening: set[asyncio.Task[None]] = set()
        self._closing: set[asyncio.Task[None]] = set()
        self._over = False

    @property
    def waiting(self) -> int:
        return self._plan.waiting

    def look(self) -> None:
        """Do what is due now."""
        if self._over:
            return
        now = asyncio.get_running_loop().time()
        self._let_go(self._plan.old(now))
        for _ in range(self._plan.to_open(now)):
            task = self._faults.task(self._open(), "opening of a spare connection")
            self._opening.add(task)
            task.add_done_callback(self._opening.discard)
        self._arm()

    def take(self) -> _Waiting | None:
        waiting = self._plan.take(_answers, asyncio.get_running_loop().time())
        self._arm()
        return waiting

    def reached(self) -> None:
        self._plan.reached(asyncio.get_running_loop().time())
        self._arm()

    async def close(self) -> None:
        if self._over:
            return
        self._over = True
        if self._timer is not None:
            self._timer.cancel()
        for task in self._opening:
            task.cancel()
        self._let_go(self._plan.end())
        await asyncio.gather(*self._opening, *self._closing, return_exceptions=True)
        self._log.info("engine.spares", **self._plan.counters)

    async def _open(self) -> None:
        address = self._address
        waiting = _Waiting(Spare())
        faults = FaultOwner(
            "engine.spare_fault",
            self._log,
            lambda cause: self._lost(waiting, cause),
            above=self._faults,
        )
        try:
            waiting.socket = await websocket.connect(
                address.url,
                address.headers,
                on_message=partial(self._early, waiting),
                on_closed=lambda closed: self._lost(waiting, f"{closed.code}"),
                open_timeout_s=address.open_timeout_s,
                link=address.link,
                faults=faults,
            )
        except EngineConnectError as error:
            self._failed(error)
            return
        waiting.spare.on_unfit = self._unfit
        if self._plan.opened(waiting, asyncio.get_running_loop().time()):
            self._log.info("engine.spares_back", waiting=self._plan.waiting)
        address.tried(True)
        self.look()

    def _early(self, waiting: _Waiting, message: bytes | str) -> None:
        early = waiting.spare.early
        early.append(message)
        if len(early) > EARLY_MESSAGES or sum(map(len, early)) > EARLY_BYTES:
            self._lost(waiting, "it says more than a server that waits")

    def _failed(self, error: EngineConnectError) -> None:
        now = asyncio.get_running_loop().time()
        news = self._plan.failed(now, again=error.retryable, retry_after_s=error.retry_after_s)
        if news:
            self._log.warning(
                "engine.spare_failed",
                **error.fields(),
                waiting=self._plan.waiting,
                fix="calls connect by themselves meanwhile; it is tried again, ever more seldom",
            )
        # A limit of sessions may be reached by calls and spares of ours: that engine is there.
        if not self._plan.waiting and error.kind != "rate_limited":
            self._address.tried(False)
        self.look()

    def _lost(self, waiting: _Waiting, cause: str) -> None:
        news = self._plan.lost(waiting, asyncio.get_running_loop().time())
        tell = self._log.warning if news else self._log.debug
        tell("engine.spare_lost", cause=cause, waiting=self._plan.waiting)
        self._let_go([waiting])
        self.look()

    def _unfit(self) -> None:
        self._let_go(self._plan.unfit(asyncio.get_running_loop().time()))
        self._arm()

    def _let_go(self, gone: Sequence[_Waiting]) -> None:
        for waiting in gone:
            task = self._faults.harmless("engine.spare_fault").task(
                waiting.socket.close(), "closing of a spare connection"
            )
            self._closing.add(task)
            task.add_done_callback(self._closing.discard)

    def _arm(self) -> None:
        due = self._plan.due()
        if self._timer is not None:
            self._timer.cancel()
        self._timer = None
        if not self._over and due != float("inf"):
            self._timer = self._faults.call_at(due, "spare connections", self.look)


def _answers(waiting: _Waiting) -> bool:
    return waiting.socket.unanswered_s() < UNANSWERED_S


def _key(url: str, headers: Mapping[str, str]) -> Key:
    return url, frozenset(item for item in headers.items() if item[0] not in _OF_ONE_CALL)
