"""One port for all our transports, when none is configured.

The system gives a port that is free for one transport. Another program may hold the same number
for the other: a TCP connection out takes any number.
"""

from __future__ import annotations

import errno
import itertools
import socket
from collections.abc import Iterable
from contextlib import ExitStack
from typing import Final

from sipua.rtp.ports import family_of

_TRIES: Final = 50
_KINDS = {"udp": socket.SOCK_DGRAM, "tcp": socket.SOCK_STREAM}


def free_port(
    hosts: Iterable[str], transports: Iterable[str], candidates: Iterable[int] = (0,) * _TRIES
) -> int:
    """0 when there is none, or when a host is not this machine's: listening will report why."""
    wanted = list(itertools.product(hosts, transports))
    for candidate in candidates:
        port = candidate
        try:
            with ExitStack() as held:
                for host, transport in wanted:
                    port = _bind(held, host, transport, port)
                return port
        except OSError as error:
            if error.errno != errno.EADDRINUSE:
                return 0
    return 0


def _bind(held: ExitStack, host: str, transport: str, port: int) -> int:
    family = family_of(host)
    bound = held.enter_context(socket.socket(family, _KINDS[transport]))
    if family == socket.AF_INET6:
        bound.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
    bound.bind((host, port))
    return int(bound.getsockname()[1])
