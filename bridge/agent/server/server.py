"""The local agent's server: a conversation of its kind behind each websocket of a path (`doors`).

It decides which connections are accepted; `session_task` serves them.
"""

import asyncio
import contextlib
import os
import re
import signal
import sys
import time
import weakref
from collections.abc import Callable
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from types import TracebackType
from typing import Self
from urllib.parse import urlsplit

import msgspec
import structlog
from structlog.typing import FilteringBoundLogger
from websockets.asyncio.server import Server, ServerConnection
from websockets.asyncio.server import serve as listen
from websockets.datastructures import Headers
from websockets.http11 import Request, Response

from sipua.bridge.agent.dialects.table import DIALECTS
from sipua.bridge.agent.realtime.shared_state import SharedAgentState
from sipua.bridge.agent.scenario.scenario import OPEN, Connect
from sipua.bridge.agent.scenario.settings import CALL_ID_HEADER, AgentSettings
from sipua.bridge.agent.server import doors
from sipua.bridge.agent.server.conversations import Conversations, has_binary_audio
from sipua.bridge.agent.server.journal import Journal, SessionJournal
from sipua.bridge.agent.server.losses import cut
from sipua.bridge.agent.server.refusals import BAD_REQUEST, answer, refusal, rehearsed
from sipua.bridge.agent.server.session_task import ServedSession
from sipua.bridge.agent.speech.recogniser_client import RecogniserClient, RecogniserError
from sipua.bridge.agent.speech.voice import VoiceError
from sipua.bridge.agent.turns.conversation import TurnConversation

MAX_MESSAGE_BYTES = 16 << 20
MAX_QUEUED_MESSAGES = 4  # read from the socket ahead of the session
OPEN_S = 10.0  # for a handshake
NEVER_S = 300.0  # for one that a scenario does not answer: no client waits longer
PING_S = 20.0
CLOSE_S = 2.0
EXIT_OK = 0
EXIT_CONFIG = 3
EXIT_NETWORK = 4

_CALL_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")

log: FilteringBoundLogger = structlog.get_logger("sipua.agent")


def _log_of(headers: Headers) -> FilteringBoundLogger:
    """A logger with the session's call, if the edge has sent its id."""
    call_id = headers.get(CALL_ID_HEADER, "")
    return log.bind(call_id=call_id) if _CALL_ID.fullmatch(call_id) else log


@dataclass(slots=True)
class ServerCounters:
    sessions: int = 0  # ever
    refused: int = 0
    messages: int = 0  # of ended sessions, as the next two
    client_errors: int = 0
    responses: int = 0


class AgentServer:
    """`async with AgentServer(settings) as server: ... server.url`"""

    def __init__(self, settings: AgentSettings) -> None:
        self.counters = ServerCounters()
        self.active = 0
        self._settings = settings
        self._server: Server | None = None
        self._journal: Journal | None = None
        self._recogniser: RecogniserClient | None = None
        self._closing = asyncio.Event()
        self._promised: weakref.WeakKeyDictionary[ServerConnection, Connect] = (
            weakref.WeakKeyDictionary()
        )

    @property
    def port(self) -> int:
        assert self._server is not None, "started"
        port: int = next(iter(self._server.sockets)).getsockname()[1]
        return port

    @property
    def url(self) -> str:
        return self._url(doors.REALTIME)

    @property
    def live_url(self) -> str:
        return self._url(doors.LIVE)

    @property
    def gemini_url(self) -> str:
        return self._url(doors.GEMINI)

    @property
    def stream_url(self) -> str:
        return self._url(doors.STREAM)

    @property
    def channel_url(self) -> str:
        return self._url(doors.CHANNEL)

    @property
    def deepgram_url(self) -> str:
        return self._url(doors.DEEPGRAM)

    @property
    def elevenlabs_url(self) -> str:
        return self._url(doors.ELEVENLABS)

    def _url(self, path: str) -> str:
        host = self._settings.host
        return f"ws://{f'[{host}]' if ':' in host else host}:{self.port}{path}"

    async def start(self) -> None:
        """Raises VoiceError for a scenario's text or file that cannot be spoken."""
        if self._settings.journal:
            self._journal = Journal(Path(self._settings.journal))
        self._shared = await asyncio.to_thread(SharedAgentState.prepared, self._settings)
        if self._shared.uses_words:
            self._recogniser = RecogniserClient(self._settings.scenario.words)
            await self._recogniser.start()
        self._conversations = Conversations(self._shared)
        self._started_s = asyncio.get_running_loop().time()
        connects = self._settings.scenario.connect
        patience_s = max((NEVER_S if way.never else way.slow_s for way in connects), default=0.0)
        self._server = await listen(
            self._serve,
            self._settings.host,
            self._settings.port,
            process_request=self._admit,
            select_subprotocol=doors.subprotocol,
            compression=None,
            max_size=MAX_MESSAGE_BYTES,
            max_queue=MAX_QUEUED_MESSAGES,
            open_timeout=OPEN_S + patience_s,
            ping_interval=PING_S,
            ping_timeout=PING_S,
            close_timeout=CLOSE_S,
            server_header=None,
        )
        log.info("agent.listening", url=self.url, mode=self._settings.mode)

    async def close(self) -> None:
        self._closing.set()
        if self._server is not None:
            self._server.close(close_connections=True)  # 1001, going away
            await self._server.wait_closed()
        if self._recogniser is not None:
            await self._recogniser.close()
        if self._journal is not None:
            self._journal.close()

    async def __aenter__(self) -> Self:
        await self.start()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        await self.close()

    async def _admit(self, connection: ServerConnection, request: Request) -> Response | None:
        """None lets the handshake go on."""
        address = urlsplit(request.path)
        if address.path not in (*doors.ALL, doors.SIGNED):
            use = f"Not here: use {' or '.join(doors.ALL)}."
            return self._refusal(HTTPStatus.NOT_FOUND, "invalid_url", use)
        if not doors.takes(address):
            return self._refusal(
                HTTPStatus.BAD_REQUEST, "invalid_url", f"{address.path} takes no query."
            )
        if doors.dialect(address) not in DIALECTS:
            use = f"Unknown dialect: use one of {', '.join(DIALECTS)}."
            return self._refusal(HTTPStatus.BAD_REQUEST, "invalid_url", use)
        key = self._settings.api_key
        if key and not doors.has_key(request, key):
            return self._refusal(
                HTTPStatus.UNAUTHORIZED, "invalid_api_key", "Incorrect API key provided."
            )
        if address.path == doors.SIGNED:
            return answer(doors.signed(request, address, key))
        if self.active >= self._settings.max_sessions:
            return self._refusal(
                HTTPStatus.SERVICE_UNAVAILABLE,
                "too_many_sessions",
                f"{self.active} sessions are open, no more are allowed.",
                "server_error",
            )
        age_s = asyncio.get_running_loop().time() - self._started_s
        way = self._shared.connects.next(age_s)
        if way is OPEN:
            return None
        shown = {name: value for name, value in msgspec.to_builtins(way).items() if value}
        _log_of(request.headers).warning("agent.rehearsed", connect=shown)
        return await self._rehearsed(connection, way)

    async def _rehearsed(self, connection: ServerConnection, way: Connect) -> Response | None:
        wait_s = NEVER_S if way.never else way.slow_s
        if wait_s:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(wait_s):
                    await self._closing.wait()
        if way.never:
            connection.transport.abort()
            return self._refusal(HTTPStatus.SERVICE_UNAVAILABLE, "never", "It never answered.")
        if way.status:
            self.counters.refused += 1
            return rehearsed(way)
        self._promised[connection] = way
        return None

    def _refusal(self, status: int, code: str, message: str, kind: str = BAD_REQUEST) -> Response:
        self.counters.refused += 1
        return refusal(status, code, message, kind)

    async def _serve(self, connection: ServerConnection) -> None:
        assert connection.request is not None
        if self.active >= self._settings.max_sessions:  # concurrent handshakes for the last place
            await connection.close(1013, "too many sessions")
            return
        way = self._promised.pop(connection, OPEN)
        if way.cut:
            cut(connection)
            return
        if way.close:
            await connection.close(way.close, "rehearsed")
            return
        now = asyncio.get_running_loop().time()
        address = urlsplit(connection.request.path)
        conversation = self._conversations.behind(address, wall_s=time.time(), now=now)
        self.counters.sessions += 1
        self.active += 1
        log = _log_of(connection.request.headers).bind(session_id=conversation.id)
        log.debug("agent.session.opened")
        journal = SessionJournal(
            self._journal,
            conversation.id,
            now,
            plain_text=has_binary_audio(conversation),
        )
        try:
            idle_s = self._settings.idle_timeout_s
            await ServedSession(
                connection, conversation, journal, self._recogniser, log, idle_s=idle_s
            ).run()
        finally:
            journal.end()
            if isinstance(conversation, TurnConversation):
                conversation.ended()
            self.active -= 1
            counters = conversation.counters
            self.counters.messages += counters.messages
            self.counters.client_errors += counters.client_errors
            self.counters.responses += counters.responses
            log.debug(
                "agent.session.closed",
                code=connection.close_code,
                turns=counters.turns,
                responses=counters.responses,
                interrupted=counters.interrupted,
                client_errors=counters.client_errors,
            )


async def serve(
    settings: AgentSettings,
    *,
    on_ready: Callable[[str], None] | None = None,
    stop: asyncio.Event | None = None,
) -> None:
    """Serve until `stop` is set (or the task is cancelled); `on_ready` gets the URL."""
    async with AgentServer(settings) as server:
        if on_ready is not None:
            on_ready(server.url)
        await (stop or asyncio.Event()).wait()


def _stop_at_end(stop: asyncio.Event) -> None:
    """Stop when stdin ends: the parent holds its other end."""
    if not os.read(sys.stdin.fileno(), 4096):
        asyncio.get_running_loop().remove_reader(sys.stdin.fileno())
        stop.set()


def _loop_factory() -> Callable[[], asyncio.AbstractEventLoop]:
    try:
        import uvloop  # noqa: PLC0415 - not on every platform
    except ImportError:
        return asyncio.new_event_loop
    return uvloop.new_event_loop


def run(settings: AgentSettings, *, as_json: bool = False, exit_with_parent: bool = False) -> int:
    """Run the process: until SIGTERM or SIGINT, or the end of stdin with `exit_with_parent`. The
    URL goes to stdout, as one line of JSON with `as_json`.
    """

    def ready(url: str) -> None:
        line = doors.in_words(url)
        if as_json:
            line = msgspec.json.encode(doors.addresses(url)).decode()
        sys.stdout.write(line + "\n")
        sys.stdout.flush()

    async def main() -> None:
        loop = asyncio.get_running_loop()
        stop = asyncio.Event()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, stop.set)
        if exit_with_parent:
            loop.add_reader(sys.stdin.fileno(), _stop_at_end, stop)
        await serve(settings, on_ready=ready, stop=stop)

    try:
        with asyncio.Runner(loop_factory=_loop_factory()) as runner:
            runner.run(main())
    except (VoiceError, RecogniserError) as error:
        log.error("agent.failed", error=str(error))  # noqa: TRY400 - the text says it all
        return EXIT_CONFIG
    except OSError as error:
        log.error(  # noqa: TRY400 - a taken port needs no traceback
            "agent.failed", host=settings.host, port=settings.port, error=str(error)
        )
        return EXIT_NETWORK
    return EXIT_OK
