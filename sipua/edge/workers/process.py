"""One worker process, as the edge has it: forked, spoken to, killed, measured, its end seen."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import Callable, Sequence
from typing import Protocol

from sipua.edge.workers.fork_server import ForkServer
from sipua.process import linux
from sipua.worker.link.channel import Channel, Descriptor, Handler, pair
from sipua.worker.link.coding import of_worker
from sipua.worker.link.messages import ToEdge, ToWorker

_LOOK_EVERY_S = 0.1


class WorkerProcess(Protocol):
    """What the edge needs of a worker; it may be no process in a test."""

    pid: int

    def send(self, message: ToWorker, passed: Sequence[Descriptor] = ()) -> None: ...

    def kill(self) -> None: ...

    def memory_bytes(self) -> int: ...

    async def wait(self) -> str: ...


class Worker:
    def __init__(self, pid: int, channel: Channel[ToEdge]) -> None:
        """`pid`: of a child of this process."""
        self._channel = channel
        self.pid = pid
        self._reaped = False

    def send(self, message: ToWorker, passed: Sequence[Descriptor] = ()) -> None:
        self._channel.send(message, passed)

    def kill(self) -> None:
        """At once, also when it is stopped. Its number is its own until `wait` has returned."""
        if not self._reaped:
            os.kill(self.pid, signal.SIGKILL)

    def memory_bytes(self) -> int:
        return linux.memory_bytes(self.pid)

    async def wait(self) -> str:
        """How it ended, once all that it had sent is told."""
        try:
            await _end_of(self.pid)
            _, status = os.waitpid(self.pid, os.WNOHANG)  # noqa: ASYNC222 (it has ended)
        except ChildProcessError:
            how = "it ended as no child of the edge"
        else:
            how = _how_ended(os.waitstatus_to_exitcode(status))
        self._reaped = True
        self._channel.read_rest()
        self._channel.close()
        return how


async def spawn(
    forks: ForkServer, on_message: Handler[ToEdge], on_link_end: Callable[[str], None]
) -> WorkerProcess:
    """Have a worker forked, which waits for Begin. Raises OSError."""
    ours, theirs = pair()
    try:
        with theirs:
            pid = await forks.fork(theirs)
    except BaseException:
        ours.close()
        raise
    channel = Channel(ours, of_worker(), on_message, on_link_end)
    channel.start()
    return Worker(pid, channel)


async def _end_of(pid: int) -> None:
    """Wait for the end of a child, which stays to be reaped. Raises ChildProcessError."""
    try:
        pidfd = os.pidfd_open(pid)
    except (OSError, AttributeError):  # Linux before 5.3, or no descriptor left
        look = os.WEXITED | os.WNOHANG | os.WNOWAIT
        while os.waitid(os.P_PID, pid, look) is None:  # noqa: ASYNC110, ASYNC222 (a look)
            await asyncio.sleep(_LOOK_EVERY_S)
        return
    loop, over = asyncio.get_running_loop(), asyncio.Event()
    loop.add_reader(pidfd, over.set)
    try:
        await over.wait()
    finally:
        loop.remove_reader(pidfd)
        os.close(pidfd)


def in_memory(data: bytes) -> Descriptor:
    """A file that shows in no list of processes and is on no disk."""
    file = os.fdopen(os.memfd_create("configuration"), "wb")
    file.write(data)
    file.flush()
    file.seek(0)  # who receives the descriptor reads from there
    return file


def _how_ended(code: int) -> str:
    if code >= 0:
        return f"it ended with exit code {code}"
    try:
        return f"killed by signal {-code} ({signal.Signals(-code).name})"
    except ValueError:
        return f"killed by signal {-code}"
