"""The edge's side of its fork server: when it is begun, asked, found dead, and ended.

The first one is forked from the edge itself, while that has read its configuration and nothing
else: what is in memory by then is shared, and both import the rest at the same time. Later the edge
has threads, so that another one, in the place of one that was killed, is started as a program.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import os
import signal
import socket
import sys
from collections.abc import Iterator
from typing import Self

from sipua.log import logs
from sipua.process import linux
from sipua.worker import fork_server

# `-P`: modules come from where the edge says, not from the present folder.
COMMAND = (sys.executable, "-P", "-m", "sipua.worker")
ANSWERS_WITHIN_S = 20.0
"""It may have to import first, on a busy machine."""


class ForkServer:
    def __init__(self) -> None:
        self._control: socket.socket | None = None
        self._pid = 0
        self._one_at_a_time = asyncio.Lock()

    def begin(self) -> None:
        """Fork it from this process, unless that has a second thread already, which would not be in
        the copy; then it is started with the first worker.
        """
        if linux.threads() > 1:
            return
        # What both processes need is imported once.
        from sipua.process import unhandled  # noqa: F401, PLC0415
        from sipua.worker.link import coding, config_copy  # noqa: F401, PLC0415

        ours, theirs = _pair()
        edge = os.getpid()
        sys.stdout.flush()  # else both would write what waits
        gc.freeze()  # the collector writes into what it visits, and what is written is not shared
        try:
            pid = os.fork()
        except OSError:  # no memory now: told when it is needed
            ours.close()
            theirs.close()
            return
        if pid == 0:
            ours.close()
            _read_nothing()
            fork_server.serve(theirs, edge)
            os._exit(0)
        theirs.close()
        self._pid, self._control = pid, ours

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    async def fork(self, link: socket.socket) -> int:
        """The process number of a new worker, a child of this process, with that end of its link.
        Raises OSError.
        """
        async with self._one_at_a_time:
            if self._control is not None:
                try:
                    return await self._ask(self._control, link)
                except _GoneError as error:
                    self._died(error)
            try:
                return await self._ask(self._start(), link)
            except _GoneError as error:
                self.close()
                raise OSError(f"its fork server: {error}") from None

    def close(self) -> None:
        """It has nothing to lose: no worker is its child."""
        if self._control is None:
            return
        self._control.close()
        self._control = None
        with contextlib.suppress(ProcessLookupError, ChildProcessError):
            os.kill(self._pid, signal.SIGKILL)
            os.waitpid(self._pid, 0)

    def _start(self) -> socket.socket:
        ours, theirs = _pair()
        try:
            with theirs:
                theirs.set_inheritable(True)
                self._pid = os.posix_spawn(
                    sys.executable,
                    [*COMMAND, str(theirs.fileno())],
                    os.environ,
                    file_actions=[(os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0)],
                    # A signal to all processes would end it before it handles them.
                    setsigmask=fork_server.NOT_ITS,
                )
        except BaseException:
            ours.close()
            raise
        self._control = ours
        return ours

    async def _ask(self, control: socket.socket, link: socket.socket) -> int:
        loop = asyncio.get_running_loop()
        try:
            with _adopting():
                socket.send_fds(control, [b"1"], [link.fileno()])
                async with asyncio.timeout(ANSWERS_WITHIN_S):
                    answer = await loop.sock_recv(control, fork_server.ANSWER.size)
        except TimeoutError:
            raise _GoneError(f"no answer within {ANSWERS_WITHIN_S:g} s") from None
        except ConnectionError:
            answer = b""
        except asyncio.CancelledError:
            self.close()  # the answer would be taken for that of the next question
            raise
        if not answer:
            raise _GoneError("it has ended")
        number = int(fork_server.ANSWER.unpack(answer)[0])
        if number < 0:
            raise OSError(-number, os.strerror(-number))
        return number

    def _died(self, error: _GoneError) -> None:
        self.close()
        logs.get().warning(
            "workers.fork_server_died",
            cause=str(error),
            fix="another one is started, and no call is lost; `dmesg` may tell who killed it",
        )


class _GoneError(Exception):
    """There is no fork server that answers."""


def _pair() -> tuple[socket.socket, socket.socket]:
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    ours.setblocking(False)
    return ours, theirs


@contextlib.contextmanager
def _adopting() -> Iterator[None]:
    """No longer than it takes: orphans of other processes below are init's to reap, not ours."""
    linux.adopt_orphans(True)
    try:
        yield
    finally:
        linux.adopt_orphans(False)


def _read_nothing() -> None:
    null = os.open(os.devnull, os.O_RDONLY)
    os.dup2(null, 0)
    os.close(null)
