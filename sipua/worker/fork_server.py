"""The process that workers are forked from: it has imported what a worker needs, and does nothing
else.

    edge ── a worker's end of its link ──▶ fork server ──▶ a process for a moment ──▶ worker
         ◀── its process number ──────────

So a worker is there within milliseconds, takes no processor time for its imports from those that
have callers, and shares their memory. A fork is safe here because there is no second thread and no
loop; the user's tools are imported in the worker.

The worker is a child of the edge: its parent ends at once, and the edge adopts it. So the edge
knows how it ended, it dies with the edge, and the end of this process is the end of no worker.
"""

from __future__ import annotations

import contextlib
import errno
import gc
import os
import signal
import socket
import struct
import sys
import time
import traceback
from collections.abc import Iterable, Iterator
from typing import NoReturn, Protocol

from sipua.process import linux
from sipua.process.exits import Exit

ANSWER = struct.Struct("=i")
"""The worker's process number, or an error number below zero."""
NOT_ITS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
"""Signals that a terminal or a service manager sends to all processes: the edge's business."""
SERVER_NAME = "sipua-forks"
WORKER_NAME = "sipua-worker"

_ADOPTED_SOON_S = 0.0002
_BLAS_THREADS = "OPENBLAS_NUM_THREADS"


class Closable(Protocol):
    def close(self) -> None: ...


def serve(control: socket.socket, edge: int) -> None:
    """Fork a worker for each link that comes, until the edge is gone. In a worker it does not
    return but exits. `edge`: its process number.
    """
    linux.call_process(SERVER_NAME)
    linux.die_with_parent()
    for number in NOT_ITS:
        signal.signal(number, lambda _number, _frame: None)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, NOT_ITS)
    _import_all()
    with contextlib.suppress(ConnectionError):
        while True:
            asked, descriptors, _, _ = socket.recv_fds(control, 1, 1)
            if not asked:
                return
            control.send(ANSWER.pack(_answer(control, descriptors, edge)))


def _import_all() -> None:
    """Import what a worker needs, and put it where its garbage collector does not write."""
    gc.disable()
    with _without_threads():
        from sipua.bridge.engines.openai_live import protocol as _live  # noqa: F401, PLC0415
        from sipua.bridge.engines.openai_realtime import protocol as _realtime  # noqa: F401, PLC0415
        from sipua.worker import process  # noqa: PLC0415
    process.version()  # of the code that is in memory here, whatever is installed later
    gc.collect()
    gc.freeze()


@contextlib.contextmanager
def _without_threads() -> Iterator[None]:
    """numpy's OpenBLAS makes a thread for each core when it is loaded, and they would not survive
    the fork. Its products here are far too small for two.
    """
    before = os.environ.get(_BLAS_THREADS)
    os.environ[_BLAS_THREADS] = "1"
    try:
        yield
    finally:
        if before is None:  # it is not for the processes that tools start
            del os.environ[_BLAS_THREADS]
        else:
            os.environ[_BLAS_THREADS] = before


def _answer(control: socket.socket, descriptors: list[int], edge: int) -> int:
    if not descriptors:
        return -errno.EMFILE  # here, where it was received
    with socket.socket(fileno=descriptors[0]) as link:
        try:
            return _fork(link, control, edge)
        except OSError as error:  # no memory, no more processes
            return -(error.errno or errno.EAGAIN)


def _fork(link: socket.socket, control: socket.socket, edge: int) -> int:
    """A new worker's process number. Raises OSError."""
    told, tell = os.pipe()
    with open(told, "rb") as source, open(tell, "wb", buffering=0) as target:  # noqa: PTH123
        between = os.fork()
        if between == 0:
            own = os.getpid()
            worker = _try_fork()
            if worker:
                try:
                    target.write(ANSWER.pack(worker))
                finally:
                    os._exit(0)
            _work(link, (control, source, target), own, edge)
        target.close()  # so that an end without a word is read as one
        answer = source.read(ANSWER.size)
    os.waitpid(between, 0)
    if len(answer) != ANSWER.size:
        raise OSError(errno.EAGAIN, "it was killed at its start")
    return int(ANSWER.unpack(answer)[0])


def _try_fork() -> int:
    """0 in the worker; otherwise its process number, or an error number below zero."""
    try:
        return os.fork()
    except OSError as error:
        return -(error.errno or errno.EAGAIN)


def _work(
    link: socket.socket, of_the_server: Iterable[Closable], between: int, edge: int
) -> NoReturn:
    """The life of a worker. It must not come back to the loop of the server, whatever happens."""
    code = Exit.INTERNAL
    try:
        from sipua.worker import process  # noqa: PLC0415 - imported long ago, by the server

        for one in of_the_server:
            one.close()
        linux.call_process(WORKER_NAME)
        gc.enable()
        while os.getppid() == between:
            time.sleep(_ADOPTED_SOON_S)
        if os.getppid() == edge:  # else the edge is gone, or cannot adopt
            code = Exit(process.run(link.detach()))
    except Exception:  # noqa: BLE001 (the server would take it for its own)
        traceback.print_exc()
    sys.exit(code)
