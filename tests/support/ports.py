"""Ports that two test runs on one machine never share.

A block lies below the kernel's ephemeral range, so that no outgoing socket can take one of its
ports between the moment it is chosen and the moment a peer binds it. A TCP listener on the
block's first port is the claim, seen by every other process.
"""

import random
import socket
import time
from pathlib import Path
from typing import Self

LOOPBACK = "127.0.0.1"
LOOPBACK6 = "::1"
_CELL = 256  # blocks begin at multiples of this
_LOWEST = 10240
_PATIENCE_S = 20
"""Several test runs together may have all blocks for a while."""


def _highest() -> int:
    ephemeral = Path("/proc/sys/net/ipv4/ip_local_port_range").read_text().split()
    return max(int(ephemeral[0]), _LOWEST + 32 * _CELL)


def _is_free(port: int) -> bool:
    with (
        socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp,
        socket.socket(socket.AF_INET, socket.SOCK_STREAM) as tcp,
    ):
        tcp.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            udp.bind((LOOPBACK, port))
            tcp.bind((LOOPBACK, port))
        except OSError:
            return False
    return True


def is_bound(port: int) -> bool:
    """Whether a UDP socket is there."""
    rows = Path("/proc/net/udp").read_text().splitlines()[1:]
    return any(row.split()[1].endswith(f":{port:04X}") for row in rows)


class PortBlock:
    """`size` consecutive ports of our own until `close()`."""

    def __init__(self, size: int = _CELL) -> None:
        cells = -(-size // _CELL)
        starts = list(range(_LOWEST, _highest() - cells * _CELL + 1, _CELL))
        random.shuffle(starts)
        deadline = time.monotonic() + _PATIENCE_S
        while not any(self._takes(start, size) for start in starts):
            if time.monotonic() > deadline:
                raise RuntimeError(
                    f"no {size} consecutive ports are free below the ephemeral range"
                )
            time.sleep(0.1)

    def _takes(self, start: int, size: int) -> bool:
        end = start + -(-size // _CELL) * _CELL
        self._claims: list[socket.socket] = []
        if self._claim(range(start, end, _CELL)) and all(
            _is_free(port) for port in range(start + 1, start + size) if port % _CELL
        ):
            self._next, self._end = start + 1, end
            return True
        self.close()
        return False

    def _claim(self, starts: range) -> bool:
        for port in starts:
            claim = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
            self._claims.append(claim)
            try:
                claim.bind((LOOPBACK, port))
                claim.listen(0)
            except OSError:
                return False
        return True

    def port(self) -> int:
        """One port, free in UDP and in TCP."""
        while self._next < self._end:
            port, self._next = self._next, self._next + 1
            if port % _CELL and _is_free(port):
                return port
        raise RuntimeError("the block is used up: ask for a larger one")

    def range(self, size: int) -> tuple[int, int]:
        """First and last of `size` consecutive ports, the first one even (RFC 3550, 11)."""
        first = self._next + self._next % 2
        if first + size > self._end:
            raise RuntimeError("the block is used up: ask for a larger one")
        self._next = first + size
        return first, first + size - 1

    def close(self) -> None:
        for claim in self._claims:
            claim.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()
