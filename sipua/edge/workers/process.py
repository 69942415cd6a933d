"""One worker process, as the edge has it: started, spoken to, killed, its memory read."""

from __future__ import annotations

import asyncio
import os
import resource
import signal
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Protocol

from sipua.worker.link.channel import Channel, Descriptor, Handler, pair
from sipua.worker.link.coding import of_worker
from sipua.worker.link.messages import ToEdge, ToWorker

# `-P`: modules come from where the edge says, not from the present folder.
COMMAND = (sys.executable, "-P", "-m", "sipua.worker")
_NOT_ITS = (signal.SIGINT, signal.SIGTERM)
"""Signals that a terminal or a service manager sends to all processes. A worker is born with them
blocked, and takes no notice of them later: before that one would end it while it imports."""
_LOOK_EVERY_S = 0.1


class WorkerProcess(Protocol):
    """What the edge needs of a worker; it may be no process in a test."""

    pid: int

    def send(self, message: ToWorker, passed: Sequence[Descriptor] = ()) -> None: ...

    def kill(self) -> None: ...

    def memory_bytes(self) -> int: ...

    async def wait(self) -> str: ...


class Worker:
    def __init__(self, child: subprocess.Popen[bytes], channel: Channel[ToEdge]) -> None:
        self._child = child
        self._channel = channel
        self.pid = child.pid

    def send(self, message: ToWorker, passed: Sequence[Descriptor] = ()) -> None:
        self._channel.send(message, passed)

    def kill(self) -> None:
        """At once, also when it is stopped. Its number is its own until `wait` has returned."""
        if self._child.returncode is None:
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
        code = await _ended(self._child)
        self._channel.read_rest()
        self._channel.close()
        return _how_ended(code)


def spawn(on_message: Handler[ToEdge], on_link_end: Callable[[str], None]) -> WorkerProcess:
    """Start a worker, which waits for Begin. Raises OSError."""
    ours, theirs = pair()
    # Not by the loop: uvloop's children begin with no signal blocked.
    blocked = signal.pthread_sigmask(signal.SIG_BLOCK, _NOT_ITS)
    try:
        with theirs:
            child = subprocess.Popen(  # noqa: S603 - our own interpreter and module
                [*COMMAND, str(theirs.fileno())],
                stdin=subprocess.DEVNULL,
                pass_fds=(theirs.fileno(),),
            )
    except BaseException:
        ours.close()
        raise
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, blocked)
    channel = Channel(ours, of_worker(), on_message, on_link_end)
    channel.start()
    return Worker(child, channel)


async def _ended(child: subprocess.Popen[bytes]) -> int:
    """Its exit code. It is reaped here alone, so that its number is its own until then."""
    try:
        pidfd = os.pidfd_open(child.pid)
    except (OSError, AttributeError):  # Linux before 5.3, or no descriptor left
        while child.poll() is None:  # noqa: ASYNC110 (there is no event)
            await asyncio.sleep(_LOOK_EVERY_S)
    else:
        loop, over = asyncio.get_running_loop(), asyncio.Event()
        loop.add_reader(pidfd, over.set)
        try:
            await over.wait()
        finally:
            loop.remove_reader(pidfd)
            os.close(pidfd)
    return child.wait()


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
