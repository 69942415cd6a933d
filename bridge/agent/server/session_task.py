"""One session of the local agent on its websocket.

Two tasks: one reads, the other waits for the conversation's deadlines. A lock makes deciding and
sending one step, so that events leave in the order of the decisions; sending waits for a slow
reader, so nothing piles up here: the client's own messages wait in its own socket.
"""

import asyncio
import contextlib
import traceback

from structlog.typing import FilteringBoundLogger
from websockets.asyncio.server import ServerConnection
from websockets.exceptions import ConnectionClosed

from sipua.bridge.agent.realtime.response import Loss
from sipua.bridge.agent.realtime.transcript_wait import Recording
from sipua.bridge.agent.scenario.garbage import Binary
from sipua.bridge.agent.server.conversations import (
    AnyConversation,
    farewell,
    has_binary_audio,
)
from sipua.bridge.agent.server.journal import SessionJournal
from sipua.bridge.agent.server.losses import lose
from sipua.bridge.agent.speech.recogniser_client import RecogniserClient
from sipua.bridge.agent.wire.audio_message import AudioMessage


class _LossError(Exception):
    """The scenario ends the session here, without an event."""

    def __init__(self, loss: Loss) -> None:
        super().__init__(loss)
        self.loss = loss


class ServedSession:
    __slots__ = (
        "_connection",
        "_conversation",
        "_idle_s",
        "_journal",
        "_lock",
        "_log",
        "_loop",
        "_received_s",
        "_recogniser",
        "_tasks",
        "_wake",
    )

    def __init__(
        self,
        connection: ServerConnection,
        conversation: AnyConversation,
        journal: SessionJournal,
        recogniser: RecogniserClient | None,
        log: FilteringBoundLogger,
        *,
        idle_s: float,
    ) -> None:
        """`log`: bound to the session."""
        self._log = log
        self._connection = connection
        self._conversation = conversation
        self._journal = journal
        self._recogniser = recogniser
        self._idle_s = idle_s
        self._lock = asyncio.Lock()
        self._loop = asyncio.get_running_loop()
        self._received_s = self._loop.time()
        self._wake = asyncio.Event()

    async def run(self) -> None:
        try:
            async with asyncio.TaskGroup() as self._tasks:
                await self._send(self._conversation.start())
                timer = self._tasks.create_task(self._keep_deadlines())
                try:
                    await self._read()
                finally:
                    timer.cancel()
        except* ConnectionClosed as group:
            # By either side: the close code is in the log line of the session's end.
            _let_go(group)
        except* _LossError as group:
            _let_go(group)
            await self._lose(group)

    async def _read(self) -> None:
        connection, conversation, lock, loop = (
            self._connection,
            self._conversation,
            self._lock,
            self._loop,
        )
        deadline = conversation.next_deadline()
        while True:
            message = await self._receive()
            async with lock:
                self._received_s = now = loop.time()
                self._journal.note("client", message, now)
                events = conversation.receive(message, now)
                if events:
                    await self._send(events)
                self._check()
            if conversation.closed:
                await connection.close(*farewell(conversation))
                return
            if conversation.next_deadline() != deadline:
                deadline = conversation.next_deadline()
                self._wake.set()

    async def _receive(self) -> bytes:
        """The next message; a binary one is marked where the protocol has audio in those."""
        if not has_binary_audio(self._conversation):
            return await self._connection.recv(decode=False)
        message = await self._connection.recv()
        return message.encode() if isinstance(message, str) else AudioMessage(message)

    async def _keep_deadlines(self) -> None:
        """Wait for the deadlines of delivery, of the session's end and of the client's silence."""
        conversation = self._conversation
        while True:
            now = self._loop.time()
            if now >= self._received_s + self._idle_s:
                await self._connection.close(1001, "idle")
                return
            if now >= conversation.next_deadline():
                async with self._lock:
                    await self._send(conversation.handle_timer(self._loop.time()))
                    self._check()
                if conversation.expired:
                    await self._connection.close(1001, "session expired")
                    return
                continue
            self._wake.clear()
            until = min(conversation.next_deadline(), self._received_s + self._idle_s)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout_at(until):
                    await self._wake.wait()

    async def _send(self, events: list[bytes]) -> None:
        for event in events:
            self._journal.note("server", event, self._loop.time())
            await self._connection.send(event, text=not isinstance(event, Binary))

    def _check(self) -> None:
        """Log the scenario's warnings, and end the session where it wants that."""
        for warning in self._conversation.take_warnings():
            self._log.warning(str(warning.pop("event")), **warning)
        for recording in self._conversation.take_recordings():
            self._tasks.create_task(self._find_words(recording))
        if self._conversation.loss is not None:
            raise _LossError(self._conversation.loss)

    async def _find_words(self, recording: Recording) -> None:
        words = None if self._recogniser is None else await self._recogniser.words(recording.clip)
        async with self._lock:
            await self._send(self._conversation.words_found(recording, words, self._loop.time()))
            self._check()
        self._wake.set()

    async def _lose(self, group: BaseExceptionGroup[_LossError]) -> None:
        error = group.exceptions[0]
        assert isinstance(error, _LossError)
        loss = error.loss
        self._log.warning("agent.rehearsed", loss=loss.kind, code=loss.code or None)
        await lose(self._connection, loss)


def _let_go(group: BaseExceptionGroup[Exception]) -> None:
    """A task group's frame keeps its error, which keeps the frame, and with it the session and its
    audio: only a full visit of the garbage collector would free them.
    """
    traceback.clear_frames(group.__traceback__)
