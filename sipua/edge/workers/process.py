"""One worker process, as the edge has it: forked, spoken to, killed, measured, its end seen."""

from __future__ import annotations

import asyncio
import contextlib
import os
import resource
import signal
import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Protocol

from sipua.edge.workers.fork_server import ForkServer
from sipua.worker.link.channel import Channel, Descriptor, Handler, pair
from sipua.worker.link.coding import of_worker
from sipua.worker.link.messages import ToEdge, ToWorker


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
        self._ended: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self._reaped = False
        watch = threading.Thread(
            target=self._wait, args=(self._ended.get_loop(),), name=f"end of {pid}", daemon=True
        )
        watch.start()

    def send(self, message: ToWorker, passed: Sequence[Descriptor] = ()) -> None:
        self._channel.send(message, passed)

    def kill(self) -> None:
        """At once, also when it is stopped. Its number is its own until `wait` has returned."""
        if not self._reaped:
            os.kill(self.pid, signal.SIGKILL)

    def memory_bytes(self) -> int:
        """What it has in memory; 0: not known."""
        try:
            pages = int(Path(f"/proc/{self.pid}/statm").read_text().split()[1])
        except (OSError, ValueError, IndexError):
            return 0
        return pages * resource.getpagesize()

    async def wait(self) -> str:
        """How it ended, once all that it had sent is told."""
        how = await self._ended
        self._channel.read_rest()
        self._channel.close()
        return how

    def _wait(self, loop: asyncio.AbstractEventLoop) -> None:
        """On a thread of its own: a descriptor of the process would need Linux 5.3."""
        with contextlib.suppress(ChildProcessError):
            os.waitid(os.P_PID, self.pid, os.WEXITED | os.WNOWAIT)
        with contextlib.suppress(RuntimeError):  # the loop is closed: the edge ends
            loop.call_soon_threadsafe(self._reap)

    def _reap(self) -> None:
        """On the loop: from here on the number may be another process's."""
        self._reaped = True
        try:
            _, status = os.waitpid(self.pid, os.WNOHANG)
        except ChildProcessError:
            how = "it ended as no child of the edge"
        else:
            how = _how_ended(os.waitstatus_to_exitcode(status))
        if not self._ended.done():
            self._ended.set_result(how)


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
