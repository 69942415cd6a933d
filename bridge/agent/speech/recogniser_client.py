"""The keeper of the recogniser (a child process): asks for the words of one turn after another."""

import asyncio
import contextlib
import sys

import msgspec
import structlog

from sipua.bridge.agent.speech.formats import Clip
from sipua.bridge.agent.speech.recogniser import Found, Setup, Turn

COMMAND = (sys.executable, "-m", "sipua.bridge.agent.speech.recogniser")
START_S = 30.0  # it reads 30 MB of models
TURN_S = 20.0  # for the words of one turn
LONGEST_MS = 15_000  # of a turn that is recognised
MAX_WAITING = 8  # turns of all sessions; further ones are not recognised

log = structlog.get_logger("sipua.agent")


class RecogniserError(Exception):
    """The recogniser failed; its output is on stderr."""


class RecogniserClient:
    """`start`, then `words` of one turn after another, then `close`."""

    def __init__(self, phrases: tuple[str, ...], command: tuple[str, ...] = COMMAND) -> None:
        self.overflow = 0  # turns not recognised because too many waited
        self.restarts = 0
        self._phrases = phrases
        self._command = command
        self._child: asyncio.subprocess.Process | None = None
        self._lock = asyncio.Lock()
        self._asking: set[asyncio.Task[str | None]] = set()

    async def start(self) -> None:
        await self._start()

    async def words(self, clip: Clip) -> str | None:
        """The words of a turn; None: it was not recognised."""
        if len(self._asking) >= MAX_WAITING:
            self.overflow += 1
            return None
        # A task of its own: a session that ends meanwhile must not leave half an exchange.
        task = asyncio.create_task(self._in_turn(clip), name="agent-words")
        self._asking.add(task)
        task.add_done_callback(self._asking.discard)
        return await asyncio.shield(task)

    async def _in_turn(self, clip: Clip) -> str | None:
        async with self._lock:
            return await self._ask(clip)

    async def close(self) -> None:
        for task in self._asking:
            task.cancel()
        await self._end_child()

    async def _end_child(self) -> None:
        child, self._child = self._child, None
        if child is None:
            return
        with contextlib.suppress(ProcessLookupError):
            child.kill()  # it has no state to save
        await child.wait()

    async def _ask(self, clip: Clip) -> str | None:
        wire = clip.format
        audio = wire.decode(clip.data[: LONGEST_MS * wire.bytes_per_ms]).astype("<i2").tobytes()
        try:
            if self._child is None:
                self.restarts += 1
                await self._start()
            async with asyncio.timeout(TURN_S):
                return await self._exchange(
                    msgspec.json.encode(Turn(wire.rate, len(audio))) + b"\n" + audio
                )
        except (
            OSError,
            msgspec.DecodeError,
            RecogniserError,
        ) as error:  # OSError: TimeoutError too
            log.error("agent.recogniser.failed", error=repr(error))  # noqa: TRY400
            await self._end_child()
            return None

    async def _start(self) -> None:
        self._child = await asyncio.create_subprocess_exec(
            *self._command,
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            start_new_session=True,  # Ctrl-C in a terminal is passed on by us
        )
        try:
            async with asyncio.timeout(START_S):
                await self._exchange(msgspec.json.encode(Setup(self._phrases)) + b"\n")
        except (OSError, msgspec.DecodeError) as error:
            await self._end_child()
            raise RecogniserError(f"the recogniser did not start: {error!r}") from error
        except BaseException:
            await self._end_child()
            raise

    async def _exchange(self, message: bytes) -> str:
        child = self._child
        assert child is not None
        assert child.stdin is not None
        assert child.stdout is not None
        child.stdin.write(message)
        await child.stdin.drain()
        return msgspec.json.decode(await child.stdout.readline(), type=Found).words
