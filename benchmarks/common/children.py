"""The processes of a benchmark: each side on its own, none is charged for another's work."""

from __future__ import annotations

import asyncio
import contextlib
import multiprocessing
import os
import resource
from collections.abc import Callable
from multiprocessing.connection import Connection
from typing import Any, Self

from sipua.bench.common.errors import BenchError

_STOP_S = 3.0


class Child:
    """`with Child("edge", run, argument) as edge:` A process with a pipe; it ends with us."""

    def __init__(self, name: str, target: Callable[..., None], *arguments: Any) -> None:
        self.name = name
        context = multiprocessing.get_context("spawn")
        self._pipe, theirs = context.Pipe()
        self._process = context.Process(
            target=_quietly, args=(target, theirs, *arguments), name=name, daemon=True
        )
        self._process.start()
        theirs.close()

    @property
    def pid(self) -> int:
        assert self._process.pid is not None
        return self._process.pid

    @property
    def pipe(self) -> Connection:
        return self._pipe

    def tell(self, message: object) -> None:
        try:
            self._pipe.send(message)
        except OSError:
            raise self._died() from None

    def hear(self, timeout_s: float) -> Any:
        """Its next message. Raises BenchError when it dies or is silent for too long."""
        try:
            if not self._pipe.poll(timeout_s):
                raise BenchError(f"the {self.name} process did not answer within {timeout_s:g} s")
            return self._pipe.recv()
        except (EOFError, OSError):
            raise self._died() from None

    def ask(self, message: object, timeout_s: float) -> Any:
        self.tell(message)
        return self.hear(timeout_s)

    def close(self) -> None:
        self._pipe.close()
        self._process.join(_STOP_S)
        if self._process.is_alive():
            self._process.kill()
            self._process.join()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def _died(self) -> BenchError:
        self._process.join(_STOP_S)
        return BenchError(f"the {self.name} process ended with {self._process.exitcode}")


def add_reader(pipe: Connection, callback: Callable[[], None]) -> None:
    """On the running loop. Messages go through the pipe whole, so it must block within one;
    uvloop makes what it watches non-blocking.
    """
    asyncio.get_running_loop().add_reader(pipe.fileno(), callback)
    os.set_blocking(pipe.fileno(), True)


def raise_file_limit() -> None:
    """A call takes three descriptors in one process, and the usual limit is 1024."""
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def _quietly(target: Callable[..., None], *arguments: Any) -> None:
    # Ctrl-C goes to the whole group; the parent is the one to say what it means.
    with contextlib.suppress(KeyboardInterrupt, BrokenPipeError):
        target(*arguments)
