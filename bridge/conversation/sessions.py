"""The sessions of one call: made from a choice of engine, let go politely, and added up."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Final, Literal, Protocol

from structlog.typing import FilteringBoundLogger

from sipua.bridge.conversation.history import History
from sipua.bridge.conversation.item_ids import CallItemIds, ItemIdScope
from sipua.bridge.engine_api.errors import EngineConnectError
from sipua.bridge.engine_api.events import Event, SessionHandle
from sipua.bridge.engine_api.protocol import Capabilities, Engine
from sipua.bridge.engine_api.settings import AudioFormat, InjectedRole, Past
from sipua.bridge.engine_link.session import EngineSession
from sipua.bridge.engine_link.websocket import Connect, Spare
from sipua.bridge.events import EngineInUse
from sipua.bridge.fault_owner import FaultOwner, nothing

# Not sums: what they were at the end of a session says nothing about the call.
_GAUGES: Final = ("ping_ms",)
# In one message: few of them, so that none is dropped, and none that holds the loop.
_CATCH_UP_MS: Final = 1000

Why = Literal["first", "reconnected", "fallback", "rotated"]


class Session(Protocol):
    """What a dialogue needs of `EngineSession`."""

    session_id: str

    @property
    def hears(self) -> AudioFormat: ...
    @property
    def speaks(self) -> AudioFormat: ...
    @property
    def capabilities(self) -> Capabilities: ...
    @property
    def spare(self) -> Spare | None: ...

    async def connect(self, timeout_s: float, *, anew: bool = False) -> None: ...
    def append(self, audio: bytes) -> None: ...
    def speak(self, instructions: str | None = None) -> None: ...
    def truncate(self, item_id: str, audio_end_ms: int) -> None: ...
    def cancel(self) -> None: ...
    def tool_result(self, call_id: str, output: str, *, respond: bool = True) -> None: ...
    def inject(self, role: InjectedRole, text: str, *, respond: bool) -> None: ...
    def digit(self, key: str, duration_ms: int) -> None: ...
    def marked(self, name: str, *, played: bool) -> None: ...
    async def close(self) -> None: ...
    def counters(self) -> dict[str, int]: ...


class KeySource(Protocol):
    """Where `EngineChoice.create` has a key from that does not last."""

    async def ready(self, timeout_s: float) -> bool:
        """Have a key; whether it is one from before. Raises EngineConnectError."""

    async def renew(self, timeout_s: float) -> None:
        """Have another one: the engine refuses it. Raises EngineConnectError."""


class CreateEngine(Protocol):
    """For one session: what it is told, or by which name it goes on with the one before."""

    def __call__(self, past: Sequence[Past], handle: str, /) -> Engine: ...


@dataclass(frozen=True, slots=True)
class EngineChoice:
    """One engine that the call may end in. `create` makes it anew for each session."""

    name: str
    create: CreateEngine = field(repr=False)
    connect_timeout_s: float = 5.0
    """Of one attempt."""
    tried: Callable[[bool], None] = field(default=lambda reached: None, repr=False)
    """Hears of each attempt, whether the engine was reached."""
    key: KeySource | None = field(default=None, repr=False)
    """None: the key lasts, and is known."""


class MakeSession(Protocol):
    """`name`: what the configuration calls the engine, for the log. `faults`: the call's."""

    def __call__(
        self,
        engine: Engine,
        on_event: Callable[[Event], None],
        *,
        call_id: str,
        name: str,
        faults: FaultOwner,
    ) -> Session: ...


def engine_session(
    engine: Engine,
    on_event: Callable[[Event], None],
    *,
    call_id: str,
    name: str,
    faults: FaultOwner,
    make: Callable[..., EngineSession] = EngineSession,
    open_socket: Connect | None = None,
) -> Session:
    """The usual `MakeSession`. `make`: a subclass that measures, say. `open_socket`: where spare
    connections are.
    """
    return make(
        engine,
        on_event=on_event,
        call_id=call_id,
        name=name,
        faults=faults,
        open_socket=open_socket,
    )


@dataclass(slots=True, eq=False)
class PooledSession:
    """One session, and what it was told when it was made."""

    choice: int
    engine: str
    """Its name in the configuration."""
    session: Session
    names: ItemIdScope
    past: int
    """Pieces of the conversation so far."""
    revision: int
    """Of the history."""
    running: frozenset[str]
    """Tool calls that had no result yet."""
    handle: str = ""
    """By which it goes on with the session before; empty: it does not."""
    own_handle: str = ""
    """By which the next one can go on with it."""
    ready: bool = False
    begun_s: float = 0.0
    """When it began to connect."""
    since_s: float = 0.0
    """When it came into use."""

    @property
    def waited_s(self) -> float:
        """How much older than the session its connection is: what limits its life began with it."""
        return 0.0 if self.session.spare is None else self.session.spare.waited_s

    @property
    def resumes(self) -> bool:
        return self.session.capabilities.resume or bool(self.handle)

    @property
    def asks(self) -> bool:
        return self.session.capabilities.asks

    def in_use(self, why: Why, gap_ms: int, caught_up_bytes: int, *, speaks: bool) -> EngineInUse:
        session = self.session
        return EngineInUse(
            self.engine,
            session.speaks,
            session.session_id,
            why,
            gap_ms=gap_ms,
            restored=self.past,
            capabilities=session.capabilities,
            caught_up_ms=caught_up_bytes // session.hears.bytes_per_ms,
            speaks=speaks,
            hears=None if session.hears is session.speaks else session.hears,
            connect_ms=None if why == "rotated" else round(1000 * (self.since_s - self.begun_s)),
        )

    def truncate(self, item_id: str, audio_end_ms: int) -> None:
        """Unless it is an item of an earlier session, of which this one knows nothing."""
        own = self.names.to_session_id(item_id)
        if own is not None:
            self.session.truncate(own, audio_end_ms)

    def marked(self, name: str, *, played: bool) -> None:
        """Unless an earlier session has asked for it."""
        own = self.names.own_mark(name)
        if own is not None:
            self.session.marked(own, played=played)

    def tool_result(self, call_id: str, output: str, *, respond: bool) -> None:
        """Also of an earlier session's call, which this one was told of by that name."""
        own = self.names.to_session_id(call_id)
        self.session.tool_result(call_id if own is None else own, output, respond=respond)

    def catch_up(self, audio: bytes, history: History) -> None:
        """What the caller said while there was no session, and what tools have given since it was
        told the past."""
        size = _CATCH_UP_MS * self.session.hears.bytes_per_ms
        for start in range(0, len(audio), size):
            self.session.append(audio[start : start + size])
        for call_id in self.running if self.resumes else ():
            output = history.output_of(call_id)
            if output is not None:
                self.tool_result(call_id, output, respond=False)


class SessionPool:
    """Makes and closes the sessions; `EngineSearch` and `SessionRotation` ask it for them."""

    def __init__(
        self,
        choices: Sequence[EngineChoice],
        history: History,
        on_event: Callable[[PooledSession, Event], None],
        make_session: partial[Session],
        *,
        log: FilteringBoundLogger,
        faults: FaultOwner,
    ) -> None:
        """`make_session`: a `MakeSession` that knows its call."""
        self.choices = choices
        self.tally: Counter[str] = Counter()
        """What the dialogue, its searches and rotations count."""
        self.log = log
        self.faults = faults
        self._history = history
        self._on_event = on_event
        self._make_session = make_session
        self._names = CallItemIds()
        self._farewells: set[asyncio.Task[None]] = set()
        self._handles: dict[int, str] = {}  # by choice; of the session in use, or the last one
        self._current: PooledSession | None = None
        self._left_at: tuple[int, frozenset[str]] | None = None  # where the history was then
        self._totals: Counter[str] = Counter()

    async def connect(
        self, choice: int, timeout_s: float, connecting: Callable[[PooledSession], None]
    ) -> None:
        """Make a session and connect it; `connecting` is told which. Over a spare connection that
        is no use, make another one, which opens its own: a call never fails because of a spare.
        The same once with a key that was good before, and that is refused now, and without the
        handle of the session before if it may be that which is refused.
        Raises EngineConnectError; ValueError: its settings make no engine.
        """
        clock = asyncio.get_running_loop().time
        until_s = clock() + timeout_s
        key, of_before = self.choices[choice].key, False
        if key is not None:
            of_before = await key.ready(timeout_s)
        pooled = await self._made(choice, until_s)
        connecting(pooled)
        try:
            await pooled.session.connect(until_s - clock())
        except EngineConnectError as error:
            if pooled.session.spare is not None:
                self.tally["spares_unfit"] += 1
            elif pooled.handle and error.kind not in ("dns", "timeout", "unauthorized"):
                self.tally["handles_refused"] += 1
                self._handles.pop(choice, None)
            elif key is not None and of_before and error.kind == "unauthorized":
                self.tally["keys_renewed"] += 1
                await key.renew(until_s - clock())
            else:
                raise
        else:
            if pooled.session.spare is not None:
                self.tally["spares_used"] += 1
            return
        pooled = await self._made(choice, until_s)
        connecting(pooled)
        await pooled.session.connect(until_s - clock(), anew=True)

    def in_use(self, pooled: PooledSession) -> None:
        """What other sessions have of the conversation is old from now on."""
        self._current = pooled
        self._handles = {pooled.choice: pooled.own_handle} if pooled.own_handle else {}

    def goes_on(self, pooled: PooledSession) -> bool:
        """Whether the next session of this engine can only be had when this one is closed."""
        return pooled.session.capabilities.one_session and pooled.choice in self._handles

    async def _made(self, choice: int, until_s: float) -> PooledSession:
        handle = await self._handle(choice, until_s)
        past = self._history.past()
        names = self._names.session()

        def on_event(event: Event) -> None:
            if isinstance(event, SessionHandle):
                pooled.own_handle = event.handle
                if pooled is self._current:
                    self.in_use(pooled)
            else:
                self._on_event(pooled, names.to_call_ids(event))

        engine = self.choices[choice]
        made = engine.create(() if handle else past, handle)
        session: Session = self._make_session(made, on_event, name=engine.name)
        told = len(past) if session.capabilities.resume or handle else 0
        pooled: PooledSession = PooledSession(
            choice,
            engine.name,
            session,
            names,
            told,
            self._history.revision,
            self._history.running,
            handle,
            begun_s=asyncio.get_running_loop().time(),
        )
        return pooled

    @property
    def _stand(self) -> tuple[int, frozenset[str]]:
        """Of the history: what was said, and which tools run."""
        return self._history.revision, self._history.running

    async def _handle(self, choice: int, until_s: float) -> str:
        """By which the next session can go on with the one before; empty: by none."""
        if choice in self._handles and self._stand != self._left_at:
            self.tally["handles_outdated"] += 1  # what a tool has given meanwhile it would not know
            del self._handles[choice]
        if (handle := self._handles.get(choice, "")) and self._farewells:
            # Its server refuses it while the session before is open.
            within_s = until_s - asyncio.get_running_loop().time()
            await asyncio.wait(self._farewells, timeout=max(0.0, within_s / 2))
        return handle

    def retire(self, pooled: PooledSession, *, hangs: bool = False) -> None:
        """Say goodbye to it in the background. `hangs`: none is to go on with it."""
        if pooled is self._current:
            self._current, self._left_at = None, self._stand
            if hangs:
                self._handles.clear()
        # What it raises ends nothing: it is over already, and another one may be in use.
        task = self.faults.harmless("engine.fault").task(self._farewell(pooled), "engine farewell")
        self._farewells.add(task)
        task.add_done_callback(self._farewells.discard)

    async def close(self) -> None:
        await asyncio.gather(*self._farewells, return_exceptions=True)
        self._on_event = nothing

    def counters(self, in_use: PooledSession | None) -> Counter[str]:
        """Of all sessions together."""
        totals = Counter(self._totals)
        if in_use is not None:
            totals.update(in_use.session.counters())
        return totals

    async def _farewell(self, pooled: PooledSession) -> None:
        try:
            await pooled.session.close()
        finally:
            counters = pooled.session.counters()
            for gauge in _GAUGES:
                counters.pop(gauge, None)
            self._totals.update(counters)
