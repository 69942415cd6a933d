"""The local agent as a child process: started, awaited, watched, started again, stopped.

The settings go in as one line of JSON on stdin, so that no key shows in a process list; the URL
comes back as one line of JSON on stdout, and the log on stderr. The child's stdin stays open for as
long as our process lives: its end ends the child, however our process ended.
"""

import asyncio
import contextlib
import dataclasses
import os
import sys
from collections.abc import Mapping
from urllib.parse import urlsplit

import msgspec
import structlog

from sipua.bridge.agent import child_log
from sipua.bridge.agent.scenario.settings import AgentSettings
from sipua.bridge.fault_owner import FaultOwner

COMMAND = (sys.executable, "-m", "sipua.bridge.agent")
START_S = 10.0
TEXT_S = 1.0  # more for each text that is synthesised before the start
STOP_S = 5.0
LAST_WORDS_S = 0.5
# What the child needs to find its interpreter, its libraries and its voices. The edge's keys are
# not passed on.
ENVIRONMENT = ("HOME", "LANG", "LD_LIBRARY_PATH", "PATH", "TMPDIR", "TZ", "VIRTUAL_ENV")
ENVIRONMENT_OF = ("LC_", "PYTHON")
BACKOFF_S = (0.1, 0.5, 1.0, 2.0, 5.0)  # before each restart in a row; the last one stays
STEADY_S = 30.0  # of life reset the count of restarts

log = structlog.get_logger("sipua.agent")


class AgentError(Exception):
    """The child did not start; its output is in the log."""


def environment(ours: Mapping[str, str]) -> dict[str, str]:
    """The child's environment."""
    needed = {
        name: value
        for name, value in ours.items()
        if name in ENVIRONMENT or name.startswith(ENVIRONMENT_OF)
    }
    return {**needed, "PYTHONUNBUFFERED": "1"}


class _Ready(msgspec.Struct):
    url: str


class AgentProcess:
    """The agent's child process. `url` stays the same: a restart asks for its port."""

    def __init__(self, settings: AgentSettings, *, start_timeout_s: float = START_S) -> None:
        self.restarts = 0
        self.url = ""
        self._settings = settings
        texts = sum(bool(step.say) for step in settings.scenario.steps)
        self._start_timeout_s = start_timeout_s + texts * TEXT_S
        self._child: asyncio.subprocess.Process | None = None
        self._watcher: asyncio.Task[None] | None = None
        self._relay: asyncio.Task[None] | None = None

    @property
    def pid(self) -> int | None:
        return self._child.pid if self._child is not None else None

    async def start(self) -> str:
        await self._spawn()
        self._watcher = FaultOwner().task(self._watch(), "agent watcher")
        return self.url

    async def stop(self) -> None:
        if self._watcher is not None:
            self._watcher.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._watcher
            self._watcher = None
        await self._end_child()

    async def _spawn(self) -> None:
        try:
            self._child = child = await asyncio.create_subprocess_exec(
                *COMMAND,
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.PIPE,
                limit=child_log.LONGEST_LINE,
                env=environment(os.environ),
                start_new_session=True,  # Ctrl-C in a terminal is passed on by us
            )
        except OSError as error:  # no memory, no descriptors
            raise AgentError(f"the local agent cannot be started: {error}") from error
        assert child.stdin is not None
        assert child.stdout is not None
        assert child.stderr is not None
        self._relay = FaultOwner().task(child_log.relay(child.stderr), "agent log")
        try:
            child.stdin.write(msgspec.json.encode(dataclasses.asdict(self._settings)) + b"\n")
            async with asyncio.timeout(self._start_timeout_s):
                await child.stdin.drain()
                line = await child.stdout.readline()
            self.url = msgspec.json.decode(line, type=_Ready).url
        except (OSError, msgspec.DecodeError) as error:  # OSError: TimeoutError, broken pipe
            await self._end_child()
            raise AgentError(f"the local agent did not start: {error}") from error
        except BaseException:
            await self._end_child()
            raise
        port = urlsplit(self.url).port
        assert port is not None
        self._settings = dataclasses.replace(self._settings, port=port)

    async def _watch(self) -> None:
        loop = asyncio.get_running_loop()
        failures = 0
        while True:
            born_s = loop.time()
            if self._child is not None:
                code = await self._child.wait()
                log.error("agent.died", pid=self._child.pid, exit_code=code)
            if loop.time() - born_s >= STEADY_S:
                failures = 0
            await asyncio.sleep(BACKOFF_S[min(failures, len(BACKOFF_S) - 1)])
            failures += 1
            self.restarts += 1
            try:
                await self._spawn()
            except AgentError as error:
                log.error("agent.failed", error=str(error), restarts=self.restarts)  # noqa: TRY400
            else:
                log.warning("agent.restarted", url=self.url, restarts=self.restarts)

    async def _end_child(self) -> None:
        child, self._child = self._child, None
        if child is None:
            return
        if child.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                child.terminate()
            try:
                async with asyncio.timeout(STOP_S):
                    await child.wait()
            except TimeoutError:
                log.error("agent.stuck", pid=child.pid)  # noqa: TRY400 - the traceback says nothing
                with contextlib.suppress(ProcessLookupError):
                    child.kill()
                await child.wait()
        if child.stdin is not None:
            child.stdin.close()
        if self._relay is not None:
            # Its last lines are logged, unless a child of its own keeps the pipe open.
            await asyncio.wait([self._relay], timeout=LAST_WORDS_S)
            self._relay.cancel()
