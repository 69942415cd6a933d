"""The key of an engine that a command prints: kept for a while, fetched anew before it is old.

    connect ─▶ none, or too old ──▶ wait for a run ──▶ the new one, or EngineConnectError
            ─▶ three quarters old ▶ the one that is there; a run in the background
            ─▶ younger ───────────▶ the one that is there

There is one run at a time, on a thread, and all who need it wait for the same one. A call that
gives up does not end it: the next one has its key. After a failure there is a pause, in which
calls fail with the same cause.
"""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import Awaitable, Callable, Sequence
from typing import Final

from sipua.bridge.engine_api.errors import EngineConnectError
from sipua.bridge.fault_owner import FaultOwner, nothing
from sipua.log import logs
from sipua.log.secret_masking import forget_secret, register_secret
from sipua.process.side_loop import SideLoop
from sipua.worker.engines import key_command
from sipua.worker.engines.key_command import KeyCommandError

_OLD: Final = 0.75
"""The part of its life after which a key is fetched anew, beside the calls."""
_PAUSE_S: Final = 1.0
_REMEMBERED: Final = 64
"""Keys that are masked: the one in use, and those before it, which connections may still have and
quote. Of keys of five minutes those of five hours; each one more makes each log line dearer.
"""


class EngineKey:
    """See `bridge.conversation.sessions.KeySource` for what its methods promise."""

    def __init__(
        self,
        words: Sequence[str],
        life_s: float,
        run: Callable[[], Awaitable[str]] | None = None,
    ) -> None:
        """`life_s`: how long a key is used; 0: those alone use it that have waited for it."""
        self._words = words
        self._life_s = life_s
        self._run = run or self._on_a_thread
        self._side = SideLoop("engine key")
        self._given_up = threading.Event()
        self._fetched_s = float("-inf")
        self._running: asyncio.Task[str] | None = None
        self._masked: list[str] = []
        self._failure = ""
        """Why the last run has given none; empty: it has."""
        self._not_before_s = float("-inf")
        self._faults = FaultOwner("engine.key_fault", logs.get(), nothing)
        self.value = ""

    def fetch(self) -> None:
        """Now, beside the loop, so that no call has to wait for the first one."""
        if self._running is None and asyncio.get_running_loop().time() >= self._not_before_s:
            # A task of its own: it is shared, and outlives the call that began it.
            self._running = task = asyncio.get_running_loop().create_task(self._fetched())
            task.add_done_callback(self._done)

    async def ready(self, timeout_s: float) -> bool:
        age_s = asyncio.get_running_loop().time() - self._fetched_s
        if age_s < self._life_s:
            if age_s >= self._life_s * _OLD:
                self.fetch()
            return True
        await self._wait(timeout_s)
        return False

    async def renew(self, timeout_s: float) -> None:
        """The one that is there stays until then: another engine may have use for it."""
        await self._wait(timeout_s)

    async def close(self) -> None:
        """Also a run that goes on. No connection has a key of it any more."""
        self._given_up.set()
        if self._running is not None:
            self._running.cancel()
        await self._side.close()
        for old in self._masked:
            forget_secret(old)
        self._masked.clear()

    async def _wait(self, timeout_s: float) -> None:
        self.fetch()
        running = self._running
        if running is None:
            raise self._error(self._failure)
        try:
            async with asyncio.timeout(timeout_s):
                await asyncio.shield(running)
        except TimeoutError:
            raise self._error(f"has not ended within {timeout_s:.3g} s") from None
        except KeyCommandError as error:
            raise self._error(str(error)) from None

    def _error(self, why: str) -> EngineConnectError:
        return EngineConnectError("key", f"api_key_command {self._words[0]} {why}")

    async def _fetched(self) -> str:
        return await self._run()

    async def _on_a_thread(self) -> str:
        async def run() -> str:
            return key_command.run(self._words, os.environ, self._given_up)

        return await self._side.run(run())

    def _done(self, task: asyncio.Task[str]) -> None:
        self._running = None
        if task.cancelled():
            return
        error = task.exception()
        if error is None:
            self._take(task.result())
        elif isinstance(error, KeyCommandError):
            self._failed(str(error))
        else:
            self._faults.failed("api_key_command", error)
            self._failed(f"cannot be run: {type(error).__name__}")

    def _take(self, value: str) -> None:
        self.value = value
        self._fetched_s = asyncio.get_running_loop().time()
        if value not in self._masked:
            self._masked.append(value)
            register_secret(value)
            for old in self._masked[:-_REMEMBERED]:
                forget_secret(old)
            del self._masked[:-_REMEMBERED]
        if self._failure:
            self._failure = ""
            logs.get().info("engine.key_back", command=self._words[0])

    def _failed(self, why: str) -> None:
        self._failure = why
        self._not_before_s = asyncio.get_running_loop().time() + _PAUSE_S
        logs.get().error(
            "engine.key_failed",
            command=self._words[0],
            error=f"it {why}",
            fix="run it by hand as the user of this process, with `env -i PATH=$PATH` before it",
        )
