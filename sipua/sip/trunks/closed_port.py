"""The check whether a peer's UDP port is closed: its host answers ICMP "port unreachable".

pjsip sends from a socket that is not connected, and the kernel reports nothing to such a socket. So
one datagram (the keep-alive of RFC 5626 4.4.1, which SIP servers know) goes to the same port from a
connected socket.
"""

from __future__ import annotations

import contextlib
import socket

from sipua.rtp.ports import family_of

KEEP_ALIVE = b"\r\n\r\n"
CHECK_AFTER_S = (0.02, 0.2, 1.0)
"""On the same machine the answer comes at once, from the other side of the world within these."""


class ClosedPort:
    def __init__(self, host: str, port: int) -> None:
        self._socket = socket.socket(family_of(host), socket.SOCK_DGRAM)
        self._refused = False
        try:
            self._socket.setblocking(False)
            self._socket.connect((host, port))
            self._socket.send(KEEP_ALIVE)
        except OSError:
            self.close()  # no route: pjsip finds that itself and reports it

    def refused(self) -> bool:
        with contextlib.suppress(OSError):
            try:
                self._socket.recv(1)
            except ConnectionRefusedError:
                self._refused = True
        return self._refused

    def close(self) -> None:
        self._socket.close()
