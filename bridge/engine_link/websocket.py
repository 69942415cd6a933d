"""The websocket to an engine: the one client of the `websockets` library, none of which leaks.

Writing never waits. A message goes straight into the transport while that has room, which saves
a task switch per audio frame; when it has none, messages wait in a queue of our own, where the
oldest audio makes room for the newest. Control messages are never dropped.

    call ─ send, send_audio ─▶ [room?] ──▶ transport ──▶ kernel ──▶ engine
                                  └─ no ─▶ queue ─(resume)─▲
"""

from __future__ import annotations

import asyncio
import logging
import socket
import ssl
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Protocol, TypedDict, Unpack
from urllib.parse import urlsplit

from websockets.asyncio.client import ClientConnection
from websockets.asyncio.client import connect as library_connect
from websockets.exceptions import ConnectionClosed, WebSocketException
from websockets.protocol import State
from websockets.typing import Subprotocol

from sipua.bridge.engine_api.protocol import USUAL_LINK, Link
from sipua.bridge.engine_link.client_frame import BINARY, TEXT, ClientFrames
from sipua.bridge.engine_link.errors import EngineClosed
from sipua.bridge.engine_link.library_errors import closing_of, connect_error
from sipua.bridge.engine_link.upgrade import checked, read_certificates
from sipua.bridge.fault_owner import FaultOwner, nothing
from sipua.rtp.hostport import is_loopback

# Just above 16 MiB, so that a frame of "16 MB" is read and judged by the protocol. A larger one
# ends the connection.
MAX_MESSAGE_BYTES: Final = 17 * 1024 * 1024

# What the kernel and the transport may hold unsent: a quarter of a second of appends each. The
# kernel's default is megabytes: on a stalled link that is half a minute of stale speech.
UNSENT_BYTES: Final = 16 * 1024

# A peer that reads nothing while we have this many requests for it is as good as gone.
MAX_CONTROL_QUEUE: Final = 1000

CLOSE_TIMEOUT_S: Final = 1.0

# What we send is audio, all the time: a peer that has acknowledged nothing of it for so long is
# gone, whatever becomes of pings.
STALE_S: Final = 20.0

# At debug level the library prints the headers of the upgrade, and with them the key.
_LIBRARY_LOG: Final = logging.getLogger("sipua.bridge.engine_link.websocket.library")
_LIBRARY_LOG.setLevel(logging.WARNING)


class _Connection(ClientConnection):
    """Lets us write without waiting, and says when the transport is full."""

    writable = True
    established = True
    """Neither side has begun to close."""
    on_writable: Callable[[], None] | None = None

    def __init__(self, *arguments: Any, **settings: Any) -> None:
        super().__init__(*arguments, **settings)
        self.text_frame = ClientFrames(TEXT).make
        self.binary_frame = ClientFrames(BINARY).make

    def pause_writing(self) -> None:
        super().pause_writing()
        self.writable = False

    def resume_writing(self) -> None:
        super().resume_writing()
        self.writable = True
        if self.on_writable is not None:
            # Not from inside the transport, which is in the middle of writing.
            self.loop.call_soon(self.on_writable)

    def data_received(self, data: bytes) -> None:
        super().data_received(data)
        self.established = self.protocol.state is State.OPEN

    def connection_lost(self, exc: Exception | None) -> None:
        self.established = False
        super().connection_lost(exc)


class _Opener(library_connect):
    """Follows no redirect: the headers, and the key in them, are meant for one host."""

    def process_redirect(self, exc: Exception) -> Exception | str:
        return exc


class Use(TypedDict):
    """What a session wants of its websocket."""

    on_message: Callable[[bytes | str], None]
    on_closed: Callable[[EngineClosed], None]
    link: Link
    ping_interval_s: float
    max_queued_audio: int
    faults: FaultOwner


class Connect(Protocol):
    """`connect`, or what gives another open websocket in its place. Raises EngineConnectError."""

    async def __call__(
        self,
        url: str,
        headers: Mapping[str, str],
        *,
        open_timeout_s: float,
        **use: Unpack[Use],
    ) -> Socket: ...


@dataclass(slots=True, eq=False)
class Spare:
    """What a connection that was opened without a session knows of the time until it got one."""

    early: list[bytes | str] = field(default_factory=list)
    """The messages that came meanwhile."""
    waited_s: float = 0.0
    """How long it was open without a session."""
    on_unfit: Callable[[], None] = nothing
    """To be told when no session can be made over it."""


class Socket:
    """An open websocket. `on_message` gets each message, `on_closed` the end, once."""

    def __init__(
        self,
        connection: _Connection,
        *,
        on_message: Callable[[bytes | str], None],
        on_closed: Callable[[EngineClosed], None],
        link: Link,
        ping_interval_s: float,
        max_queued_audio: int,
        faults: FaultOwner,
    ) -> None:
        self._connection = connection
        self._on_message = on_message
        self._on_closed = on_closed
        self._link = link
        self._audio_frame = connection.binary_frame if link.binary_audio else connection.text_frame
        self._ping_interval_s = ping_interval_s
        self._max_queued_audio = max_queued_audio
        self._queue: deque[tuple[bytes, bool]] = deque()  # message, is it audio
        self._queued_audio = 0
        self._closing = False  # by us: nothing is reported any more
        self._gone = False  # nothing can be sent any more
        self._lost_reason = ""
        self._faults = faults
        self._pinged_s: float | None = None  # since when a ping waits for its answer
        self._opened_s = connection.loop.time()
        self.spare: Spare | None = None
        """Its past as a spare connection; None: it was opened for its session."""
        self.sent = 0
        self.received = 0
        self.audio_dropped = 0
        self.unsent = 0
        connection.on_writable = faults.guarded("websocket queue", self._flush)
        self._reader = faults.task(self._read(), "websocket reader")
        self._watchdog = faults.task(self._watch(), "websocket watchdog")

    def send(self, message: bytes) -> None:
        """A control message: queued if it must be, never dropped while the link lives."""
        if self._connection.writable and not self._queue:
            self._write(self._connection.text_frame(message))
        elif self._gone:
            self.unsent += 1
        else:
            self._queue.append((message, False))
            if len(self._queue) - self._queued_audio > MAX_CONTROL_QUEUE:
                self._abort("the engine does not read: too many requests are waiting")

    def send_audio(self, message: bytes) -> None:
        """An audio message: if the link is slow, the oldest one that waits makes room."""
        if self._connection.writable and not self._queue:
            self._write(self._audio_frame(message))
        elif self._gone:
            self.unsent += 1
        else:
            if self._queued_audio >= self._max_queued_audio:
                self._drop_oldest_audio()
            self._queue.append((message, True))
            self._queued_audio += 1

    @property
    def queued(self) -> int:
        return len(self._queue)

    @property
    def rtt_ms(self) -> float:
        """The last ping's round trip; 0 before the first."""
        return self._connection.latency * 1000

    def unanswered_s(self) -> float:
        """How long a ping has waited for its answer; 0: none does."""
        return 0.0 if self._pinged_s is None else self._connection.loop.time() - self._pinged_s

    def hand_over(self, spare: Spare, **use: Unpack[Use]) -> None:
        """It was opened before its session was there, and is the session's from now on. Its link
        stays what it is: that of the same address."""
        spare.waited_s = self._connection.loop.time() - self._opened_s
        self.spare = spare
        self._on_message = use["on_message"]
        self._on_closed = use["on_closed"]
        self._ping_interval_s = use["ping_interval_s"]
        self._max_queued_audio = use["max_queued_audio"]
        self._faults.hand_over(use["faults"])

    async def close(self) -> None:
        """Say goodbye, wait a second at most. `on_closed` is not called any more."""
        self._closing = True
        self._connection.established = False
        self._watchdog.cancel()
        try:
            # The library bounds the handshake, but not the wait for room to write its frame.
            async with asyncio.timeout(CLOSE_TIMEOUT_S):
                await self._connection.close()
        except TimeoutError:
            pass  # no goodbye, then
        finally:
            self._connection.transport.abort()
        await asyncio.gather(self._reader, self._watchdog, return_exceptions=True)
        # The task of a watchdog that was cancelled keeps its last frame, and so this socket.
        self._watchdog = self._reader
        self._connection.on_writable = None
        self._on_message = self._on_closed = nothing

    def abort(self) -> None:
        """Drop the connection now, without goodbye and without `on_closed`."""
        self._closing = True
        self._abort("")

    def _abort(self, reason: str) -> None:
        self._lost_reason = self._lost_reason or reason
        self._watchdog.cancel()
        self._forget_queue()
        self._connection.transport.abort()

    def _write(self, frame: bytes) -> None:
        connection = self._connection
        if not connection.established:
            self.unsent += 1
            return
        try:
            # Past the library's own buffers, in which nothing of a message of ours is ever left.
            connection.transport.write(frame)
        except (OSError, RuntimeError):
            # The connection is about to end; the reader finds out why and reports it. (uvloop
            # raises RuntimeError for a closed handle.)
            self.unsent += 1
        else:
            self.sent += 1

    def _flush(self) -> None:
        while self._queue and self._connection.writable:
            message, audio = self._queue.popleft()
            self._queued_audio -= audio
            self._write((self._audio_frame if audio else self._connection.text_frame)(message))

    def _forget_queue(self) -> None:
        self._gone = True
        self.unsent += len(self._queue)
        self._queue.clear()
        self._queued_audio = 0

    def _drop_oldest_audio(self) -> None:
        self.audio_dropped += 1
        self._queued_audio -= 1
        for index, (_, audio) in enumerate(self._queue):
            if audio:  # at or near the front: control messages are rare
                del self._queue[index]
                return

    async def _read(self) -> None:
        receive = self._connection.recv
        # Text is decoded only where it must be told from audio.
        decode = None if self._link.binary_audio else False
        try:
            while True:
                message = await receive(decode)
                self.received += 1
                if self._closing:
                    continue
                self._on_message(message)
        except ConnectionClosed as error:
            self._watchdog.cancel()
            self._forget_queue()
            if not self._closing:
                self._closing = True
                self._on_closed(closing_of(error, self._lost_reason))

    async def _watch(self) -> None:
        """Detect a peer that is gone without a close.

        The library's own keepalive waits for room to write before its timeout begins, and so
        would wait for ever on just the link that it is there to find.
        """
        while self._link.ping_timeout_s:
            received = self.received
            self._pinged_s = self._connection.loop.time()
            try:
                async with asyncio.timeout(self._link.ping_timeout_s):
                    await (await self._connection.ping())
            except TimeoutError:
                if self.received == received:
                    self._abort(f"no answer to a ping within {self._link.ping_timeout_s:g} s")
                    return
                continue  # busy sending us data: alive
            except ConnectionClosed:
                return
            self._pinged_s = None
            await asyncio.sleep(self._ping_interval_s)


async def connect(
    url: str,
    headers: Mapping[str, str],
    *,
    on_message: Callable[[bytes | str], None],
    on_closed: Callable[[EngineClosed], None],
    open_timeout_s: float,
    link: Link = USUAL_LINK,
    ping_interval_s: float = 4.0,
    max_queued_audio: int = 150,
    tls: ssl.SSLContext | None = None,
    user_agent: str = "sipua",
    faults: FaultOwner | None = None,
) -> Socket:
    """Open a websocket; DNS, TCP, TLS and the upgrade share one deadline.

    A peer that vanishes is noticed after `ping_interval_s` and the link's `ping_timeout_s` at the
    latest; one whose pings are not waited for when it has acknowledged nothing for `STALE_S`.
    `faults`: is told of what `on_message` and `on_closed` raise; nothing is read after it.
    Raises EngineConnectError.
    """
    try:
        async with asyncio.timeout(open_timeout_s):
            connection = await _open(url, headers, link, tls, user_agent)
    except (OSError, WebSocketException, ValueError, ImportError, EOFError) as error:
        # `from None`: the library's texts may quote the address and the headers.
        raise connect_error(error, url, headers, open_timeout_s) from None
    return Socket(
        connection,
        on_message=on_message,
        on_closed=on_closed,
        link=link,
        ping_interval_s=ping_interval_s,
        max_queued_audio=max_queued_audio,
        faults=faults or FaultOwner(),
    )


async def _open(
    url: str, headers: Mapping[str, str], link: Link, tls: ssl.SSLContext | None, user_agent: str
) -> _Connection:
    parts = urlsplit(url)
    options: dict[str, Any] = {}
    if parts.scheme == "wss":
        options["ssl"] = tls or read_certificates()
    if is_loopback(parts.hostname or ""):
        options["proxy"] = None  # a proxy for the world cannot reach our own machine
    if link.subprotocol:
        options["subprotocols"] = [Subprotocol(link.subprotocol)]
    connection = await _Opener(
        url,
        additional_headers=checked(headers),
        user_agent_header=user_agent,
        compression=None,  # base64 of speech does not shrink, and deflate costs more than all else
        open_timeout=None,  # the caller's deadline covers it
        ping_interval=None,  # see Socket._watch
        close_timeout=CLOSE_TIMEOUT_S,
        max_size=MAX_MESSAGE_BYTES,
        write_limit=UNSENT_BYTES,
        logger=_LIBRARY_LOG,
        create_connection=_Connection,
        **options,
    )
    assert isinstance(connection, _Connection)
    tcp = connection.transport.get_extra_info("socket")
    if tcp is not None and hasattr(socket, "TCP_NOTSENT_LOWAT"):
        tcp.setsockopt(socket.IPPROTO_TCP, socket.TCP_NOTSENT_LOWAT, UNSENT_BYTES)
        tcp.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, int(STALE_S * 1000))
    return connection
