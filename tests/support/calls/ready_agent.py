"""An embedded local agent that waits beside a forked edge until the edge wants it.

    tests' fork server ──▶ edge ──▶ agent, with all that it imports, at its first line of input

The agent's start as a program takes 0.25 s of a processor, as often as there are edges. This one
reads the same line of settings and does the same from there on; it is a child of the edge, and has
the environment that the edge gives it. An agent that comes after it, such as one for an agent that
has died, is started as a program. How the edge starts one is judged in tests/unit/bridge/agent/.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from pathlib import Path
from typing import Any, NoReturn

from sipua.process import linux
from support.calls.adopted import Adopted

WAITING_NAME = "sipua-ready"
"""What the process is called until the edge wants it."""


def import_all() -> None:
    from sipua.bridge.agent import __main__  # noqa: F401


def prepare() -> None:
    """In the edge's process, before its first line: it has no threads."""
    from sipua.bridge.agent import process

    pipes = [os.pipe() for _ in range(3)]
    (stdin, type_), (hear, stdout), (read, stderr) = pipes
    pid = os.fork()
    if pid == 0:
        for number in (type_, hear, read):
            os.close(number)
        _wait((stdin, stdout, stderr), process.environment(os.environ))
    for number in (stdin, stdout, stderr):
        os.close(number)
    ready = [_Agent(pid, type_, hear, read)]
    as_a_program = asyncio.create_subprocess_exec

    async def start(*command: Any, **how: Any) -> Any:
        if command != process.COMMAND or not ready:
            return await as_a_program(*command, **how)
        agent = ready.pop()
        await agent.connect(how["limit"])
        return agent

    asyncio.create_subprocess_exec = start  # type: ignore[assignment]


class _Agent:
    """What the edge needs of `asyncio.subprocess.Process`."""

    stdin: asyncio.StreamWriter
    stdout: asyncio.StreamReader
    stderr: asyncio.StreamReader

    def __init__(self, pid: int, *pipes: int) -> None:
        self.pid = pid
        self._process = Adopted(pid)
        self._pipes = pipes

    async def connect(self, limit: int) -> None:
        loop = asyncio.get_running_loop()
        stdin, stdout, stderr = self._pipes
        transport, protocol = await loop.connect_write_pipe(
            asyncio.streams.FlowControlMixin, os.fdopen(stdin, "wb", 0)
        )
        self.stdin = asyncio.StreamWriter(transport, protocol, None, loop)
        self.stdout = await _reader(stdout, limit)
        self.stderr = await _reader(stderr, limit)

    @property
    def returncode(self) -> int | None:
        return self._process.poll()

    async def wait(self) -> int:
        if (status := self.returncode) is not None:
            return status
        loop, over = asyncio.get_running_loop(), asyncio.Event()
        watched = os.pidfd_open(self.pid)
        loop.add_reader(watched, over.set)
        try:
            await over.wait()
        finally:
            loop.remove_reader(watched)
            os.close(watched)
        return self._process.wait()

    def terminate(self) -> None:
        self._process.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        self._process.kill()


async def _reader(descriptor: int, limit: int) -> asyncio.StreamReader:
    reader = asyncio.StreamReader(limit)
    await asyncio.get_running_loop().connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(reader), os.fdopen(descriptor, "rb", 0)
    )
    return reader


def _wait(pipes: tuple[int, int, int], env: dict[str, str]) -> NoReturn:
    """The life of the agent. Its edge's end is the end of its input."""
    os.setsid()
    linux.call_process(WAITING_NAME)
    for target, source in enumerate(pipes):
        os.dup2(source, target)
    for source in pipes:
        os.close(source)
    os.environ.clear()
    os.environ.update(env)
    from sipua.bridge.agent import __main__

    if not sys.stdin.buffer.peek(1):
        os._exit(0)
    linux.call_process(Path(sys.executable).name)
    sys.exit(__main__.main())
