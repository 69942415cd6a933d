"""Many connections at once, as an attacker has them: all in one thread."""

from __future__ import annotations

import contextlib
import select
import socket
import time
from collections.abc import Callable
from typing import Self

_GONE_WITHIN_S = 30.0
_AT_ONCE = 200
"""A process has 1,024 descriptors, where nobody has given it more."""


class Crowd:
    """Connections to one address; `close()` ends all of them."""

    def __init__(self, remote: tuple[str, int]) -> None:
        self._remote = remote
        self._open: list[socket.socket] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def come(self, count: int, host: str, says: bytes = b"") -> list[socket.socket]:
        """`count` more from `host`, of which the edge may close some at once: those that it has
        not, and the last ones."""
        new: list[socket.socket] = []
        for at in range(0, count, _AT_ONCE):
            new = [self._begin(host) for _ in range(min(_AT_ONCE, count - at))]
            self._open += new
            self._await(new)
            for line in new if says else ():
                with contextlib.suppress(OSError):
                    line.send(says)
            self.left()
        return [line for line in new if line in self._open]

    def _begin(self, host: str) -> socket.socket:
        line = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
        line.bind((host, 0))
        line.setblocking(False)
        line.connect_ex(self._remote)
        return line

    @staticmethod
    def _await(new: list[socket.socket]) -> None:
        """Until each is up, or refused."""
        waiting = select.poll()
        for line in new:
            waiting.register(line, select.POLLOUT)
        left, deadline = len(new), time.monotonic() + _GONE_WITHIN_S
        while left and time.monotonic() < deadline:
            for descriptor, _ in waiting.poll(1000):
                waiting.unregister(descriptor)
                left -= 1

    def reset(self, lines: list[socket.socket]) -> None:
        """Without the handshake of an end: nothing stays in the kernel."""
        for line in list(lines):
            line.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
            line.close()
            self._open.remove(line)

    def left(self) -> list[socket.socket]:
        """Those that the edge has not closed; what it has said is thrown away."""
        self._open = [line for line in self._open if not closed(line)]
        return list(self._open)

    def close(self) -> None:
        for line in self._open:
            line.close()
        self._open.clear()


def closed(line: socket.socket) -> bool:
    """By the other side; `line` is closed, too, then."""
    while True:
        try:
            if line.recv(65535):
                continue
        except BlockingIOError:
            return False
        except OSError:
            pass
        line.close()
        return True


def dribble(line: socket.socket, text: bytes, pause_s: float, over: Callable[[], bool]) -> None:
    """A byte now and then, until `over`."""
    for at in range(len(text)):
        if over():
            return
        with contextlib.suppress(OSError):
            line.send(text[at : at + 1])
        time.sleep(pause_s)
