"""One call's session with one engine: the protocol, its websocket, one deadline, one way to end.

    connect ─▶ opening ─▶ configuring ─▶ ready ─▶ [closing] ─▶ closed   (close: ours)
                  └────────────┴─ EngineConnectError └─▶ lost           (EngineLost: theirs, once,
                                                                         or a fault in our code)

Events are handed to `on_event` on the loop, in order, straight from the reader: from the frame
that says "the caller speaks" to the flushed playout there is no queue and no task switch.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from typing import Final, Literal

import structlog
from structlog.typing import FilteringBoundLogger

from sipua.bridge.engine_api.errors import EngineConnectError
from sipua.bridge.engine_api.events import (
    EngineFault,
    EngineHangsUp,
    EngineLost,
    Event,
    SessionReady,
    Unknown,
    Unreadable,
    Used,
)
from sipua.bridge.engine_api.protocol import Capabilities, Engine
from sipua.bridge.engine_api.settings import AudioFormat, InjectedRole
from sipua.bridge.engine_link import farewell, websocket
from sipua.bridge.engine_link.errors import (
    EngineClosed,
    Scrubber,
    address,
    closed_at_once,
    kind_of_fault,
)
from sipua.bridge.engine_link.farewell import Farewell
from sipua.bridge.engine_link.readiness import Readiness
from sipua.bridge.engine_link.silence_feeder import SilenceFeeder
from sipua.bridge.engine_link.trace import SessionTrace
from sipua.bridge.fault_owner import FaultOwner, nothing

State = Literal["new", "opening", "configuring", "ready", "lost", "closing", "closed"]

# How long a spare connection is given to prove that it lives: it must answer our configuration.
SPARE_ANSWER_S: Final = 1.0


class EngineSession:
    """Connect once, use, close. After a loss, make a new one."""

    def __init__(
        self,
        engine: Engine,
        *,
        on_event: Callable[[Event], None],
        call_id: str = "",
        name: str = "",
        ping_interval_s: float = 4.0,
        max_queued_audio: int = 150,
        faults: FaultOwner | None = None,
        open_socket: websocket.Connect | None = None,
    ) -> None:
        """`faults`: of the call, for what this session cannot end by itself. `open_socket`: it may
        have a spare connection; None opens one."""
        self._engine = engine
        self._protocol = protocol = engine.protocol
        self._on_event = on_event
        self._open_socket = open_socket
        self._limits = (ping_interval_s, max_queued_audio)
        self._scrub = Scrubber(engine.url, engine.headers)
        self._state: State = "new"
        self._socket: websocket.Socket | None = None
        self._first = Readiness()
        self._farewell = Farewell()
        self._started_s = 0.0
        self._audio_unready = 0
        self._requests_unready = 0
        self._log: FilteringBoundLogger = structlog.get_logger("sipua.engine").bind(
            call_id=call_id, engine=name or protocol.name
        )
        self._trace = SessionTrace(self._log)
        self._faults = FaultOwner("engine.fault", self._log, self._end_of_fault, above=faults)
        self._clock: SilenceFeeder | None = None
        self.session_id = ""

    @property
    def state(self) -> State:
        return self._state

    @property
    def capabilities(self) -> Capabilities:
        return self._protocol.capabilities

    @property
    def hears(self) -> AudioFormat:
        return self._protocol.hears

    @property
    def speaks(self) -> AudioFormat:
        return self._protocol.speaks

    @property
    def spare(self) -> websocket.Spare | None:
        """The past of its connection; None: it was opened for this session."""
        return None if self._socket is None else self._socket.spare

    async def connect(self, timeout_s: float, *, anew: bool = False) -> None:
        """Return when the engine has taken our configuration, or raise EngineConnectError.

        One deadline covers all, from DNS to the engine's first words. `anew`: over no spare one.
        """
        if self._state != "new":
            raise RuntimeError("an engine session connects once")
        self._started_s = asyncio.get_running_loop().time()
        try:
            await self._connect(timeout_s, websocket.connect if anew else self._open_socket)
        except EngineConnectError as error:
            self._abandon()
            if self.spare is not None:
                self.spare.on_unfit()
            event = "engine.failed" if self.spare is None else "engine.spare_unfit"
            self._log.warning(event, **error.fields())
            raise
        except asyncio.CancelledError:  # the caller hung up while it rang
            self._abandon()
            raise
        except Exception as error:
            self._faults.failed("connecting", error)
            self._abandon()
            raise EngineConnectError("protocol", self._faults.cause) from error

    def append(self, audio: bytes) -> None:
        """The caller's audio. Never waits; dropped and counted when it cannot be sent."""
        if self._state != "ready":
            self._audio_unready += 1
            return
        if self._clock is not None:
            self._clock.fed()
        try:
            self._feed(audio)
        except Exception as error:  # noqa: BLE001 (the session's fault, not the call's)
            self._faults.failed("append", error)

    def speak(self, instructions: str | None = None) -> None:
        self._ask("speak", partial(self._protocol.speak, instructions))

    def truncate(self, item_id: str, audio_end_ms: int) -> None:
        """The caller has heard this much of an item, and will hear no more of it."""
        self._ask("truncate", partial(self._protocol.truncate, item_id, audio_end_ms), unready=True)

    def cancel(self) -> None:
        """Stop what the engine is saying, if it says anything and does not stop by itself."""
        self._ask("cancel", self._protocol.cancel, unready=True)

    def tool_result(self, call_id: str, output: str, *, respond: bool = True) -> None:
        result = partial(self._protocol.tool_result, call_id, output, respond=respond)
        self._ask("tool_result", result)

    def inject(self, role: InjectedRole, text: str, *, respond: bool) -> None:
        self._ask("inject", partial(self._protocol.inject, role, text, respond=respond))

    def digit(self, key: str, duration_ms: int) -> None:
        self._ask("digit", partial(self._protocol.digit, key, duration_ms))

    def marked(self, name: str, *, played: bool) -> None:
        self._ask("mark", partial(self._protocol.marked, name, played=played), unready=True)

    async def close(self) -> None:
        """End the session; of what it still says only usage is delivered. Takes a second at most,
        and another one for an engine that wants a goodbye.
        """
        if self._state in ("closing", "closed"):
            return
        was, self._state = self._state, "closed"
        self._first.refused(EngineConnectError("refused", "closed while connecting"))
        if self._clock is not None:
            self._clock.stop()
        if was == "ready":
            await self._part()
        if self._socket is not None:
            await self._socket.close()
        if was == "ready":
            self._log.info("engine.closed", code=1000)
        self._on_event, self._faults.end = nothing, None

    def counters(self) -> dict[str, int]:
        """What happened so far, by cause; complete also after the end."""
        counters = self._protocol.counters()
        counters["audio_unready"] = self._audio_unready
        counters["requests_unready"] = self._requests_unready
        counters["internal_errors"] = self._faults.count
        if (socket := self._socket) is not None:
            counters |= {"messages_sent": socket.sent, "messages_unsent": socket.unsent}
            counters |= {"audio_dropped": socket.audio_dropped, "ping_ms": round(socket.rtt_ms)}
        if self._clock is not None:
            counters["silence_fed_ms"] = self._clock.fed_ms
        return counters

    # Connecting

    async def _connect(self, timeout_s: float, open_socket: websocket.Connect | None) -> None:
        self._enter("opening", address=address(self._engine.url))
        clock, open_timeout_s = asyncio.get_running_loop().time, timeout_s
        if self._engine.locate is not None:
            at = await self._engine.locate(timeout_s)
            self._engine = replace(self._engine, url=at.url, headers=at.headers)
            self._scrub = Scrubber(at.url, at.headers)
            open_timeout_s -= clock() - self._started_s
        self._socket = await (open_socket or websocket.connect)(
            self._engine.url,
            self._engine.headers,
            on_message=self._receive,
            on_closed=self._closed,
            open_timeout_s=open_timeout_s,
            link=self._engine.link,
            ping_interval_s=self._limits[0],
            max_queued_audio=self._limits[1],
            faults=self._faults,
        )
        if self._state == "opening":
            self._enter("configuring")
            self._send(self._protocol.start())
            for event in self._protocol.take_events():
                self._deliver(event)
        if self.spare is not None:
            timeout_s = min(timeout_s / 2, SPARE_ANSWER_S)
            for message in self.spare.early:
                self._receive(message)
        try:
            await self._first.wait(self._started_s + timeout_s)
        except TimeoutError:
            if self.state == "ready":
                return  # at the last moment, and it is in use already
            text = f"{address(self._engine.url)} made no session ready within {timeout_s:g} s"
            raise EngineConnectError("timeout", text) from None

    def _abandon(self) -> None:
        self._enter("closed")
        if self._socket is not None:
            self._socket.abort()

    async def _part(self) -> None:
        self._state = "closing"
        goodbye: list[bytes] = []
        self._faults.run("goodbye", lambda: goodbye.extend(self._protocol.goodbye()))
        for event in self._protocol.take_events():
            self._deliver(event)
        self._send(goodbye)
        if not goodbye or self._protocol.over:
            self._state = "closed"
            return
        try:
            if not await self._farewell.wait():
                self._log.warning("engine.unsettled", waited_s=farewell.LONGEST_S)
        except asyncio.CancelledError:
            if self._socket is not None:
                self._socket.abort()
            raise
        finally:
            self._state = "closed"

    # From the websocket

    def _receive(self, message: bytes | str) -> None:
        events = self._protocol.receive(message)
        if self._trace.on:
            self._trace.message("<", message)
        self._send(self._protocol.take_outgoing())
        for event in events:
            self._deliver(event)
        if self._protocol.over:
            self._farewell.over()

    def _deliver(self, event: Event | Unreadable) -> None:
        if isinstance(event, Unreadable):
            self._trace.unreadable(event)
            return
        if isinstance(event, SessionReady):
            self._became_ready(event)
        elif isinstance(event, EngineFault):
            event = self._fault(event)
        elif isinstance(event, Unknown):
            self._trace.once(event.type, "engine.unknown", type=event.type)
        elif isinstance(event, EngineHangsUp):
            self._state = "lost"  # however it ends now: that is no loss
        if self._state == "closed" or (self._state == "closing" and not isinstance(event, Used)):
            return
        self._on_event(event)

    def _became_ready(self, event: SessionReady) -> None:
        self.session_id = event.session_id
        self._enter("ready")
        connect_ms = round((asyncio.get_running_loop().time() - self._started_s) * 1000, 1)
        spare = {} if self.spare is None else {"spare_s": round(self.spare.waited_s, 1)}
        self._log.info(
            "engine.connected", session_id=self.session_id, connect_ms=connect_ms, **spare
        )
        if self.capabilities.paced_by_input:
            self._clock = SilenceFeeder(self._feed, self.hears, self._faults)
            self._clock.start()
        self._first.ready()

    def _fault(self, fault: EngineFault) -> EngineFault:
        code, message = self._scrub(fault.code), self._scrub(fault.message)
        scrubbed = EngineFault(code, message, fault.event_id, fault.fatal)
        if self._state == "configuring":
            error = EngineConnectError(kind_of_fault(code), f"{code}: {message}", code=code)
            if fault.tentative and error.kind == "protocol":
                self._trace.complaint(scrubbed)
                self._first.complained(error)
            else:
                self._first.refused(error)
        else:
            self._trace.complaint(scrubbed)
        return scrubbed

    def _closed(self, closed: EngineClosed) -> None:
        reason = self._scrub(closed.reason)
        if self._clock is not None:
            self._clock.stop()
        if self._state in ("closing", "lost"):
            self._farewell.over()
            return
        if self._state == "configuring":
            self._first.refused(closed_at_once(address(self._engine.url), closed, reason))
            return
        self._enter("lost")
        if meant := self._protocol.closed(closed.code):
            self._log.info("engine.closed", code=closed.code, reason=reason)
            for event in meant:
                self._deliver(event)
            return
        self._log.warning(
            "engine.closed", code=closed.code, reason=reason, retryable=closed.retryable
        )
        self._deliver(EngineLost(closed.code, reason, closed.retryable))

    def _end_of_fault(self, cause: str) -> None:
        """An exception in our own code: the session is over, as if its connection were lost."""
        if self._clock is not None:
            self._clock.stop()
        if self._socket is not None:
            self._socket.abort()
        match self._state:
            case "opening" | "configuring":
                self._first.refused(EngineConnectError("protocol", cause))
            case "ready":
                self._enter("lost")
                self._deliver(EngineLost(0, cause, retryable=True, fault=True))
            case "closing":
                self._farewell.over()
            case "lost":
                raise RuntimeError(f"the loss of a session could not be told: {cause}")

    # To the websocket

    def _feed(self, audio: bytes) -> None:
        if self._socket is not None:
            self._socket.send_audio(self._protocol.append_audio(audio))
            for event in self._protocol.take_events():
                self._deliver(event)
            self._send(self._protocol.take_outgoing())
        if self._trace.on:
            self._log.debug("> audio", bytes=len(audio))

    def _reaches_it(self) -> bool:
        self._requests_unready += self._state != "ready"
        return self._state == "ready"

    def _ask(
        self, what: str, make: Callable[[], Sequence[bytes]], *, unready: bool = False
    ) -> None:
        """`unready`: made by the protocol even if no engine can be told: it drops late audio."""
        if unready or self._reaches_it():
            try:
                messages = make()
                if messages and (not unready or self._reaches_it()):
                    self._send(messages)
            except Exception as error:  # noqa: BLE001 (the session's fault, not the asker's)
                self._faults.failed(what, error)

    def _send(self, messages: Sequence[bytes]) -> None:
        for message in messages:
            if self._socket is not None:
                self._socket.send(message)
            if self._trace.on:
                self._trace.message(">", message)

    def _enter(self, state: State, **fields: object) -> None:
        self._state = state
        self._log.debug(f"= {state}", **fields)
