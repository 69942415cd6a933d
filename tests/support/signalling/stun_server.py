"""A STUN server for tests: answers where a request came from, or what it is told to."""

import ipaddress
import selectors
import socket
import struct
import threading
from typing import Self

_COOKIE = 0x2112A442


def answer(
    transaction: bytes, address: tuple[str, int] | None, *, xored: bool = True, before: bytes = b""
) -> bytes:
    """A success; `before`: attributes that come first. None: no address."""
    body = before
    if address is not None:
        mask = _COOKIE if xored else 0
        packed = int(ipaddress.IPv4Address(address[0])) ^ mask
        kind = 0x0020 if xored else 0x0001
        body += struct.pack("!HHBBHI", kind, 8, 0, 1, address[1] ^ (mask >> 16), packed)
    return struct.pack("!HHI", 0x0101, len(body), _COOKIE) + transaction + body


def error(transaction: bytes, code: int | None) -> bytes:
    body = b""
    if code is not None:
        body = struct.pack("!HHHBB", 0x0009, 4, 0, code // 100, code % 100)
    return struct.pack("!HHI", 0x0111, len(body), _COOKIE) + transaction + body


class StunServer:
    """On a socket of the test's, wherever that is bound; in a thread until it is closed."""

    def __init__(self, udp: socket.socket) -> None:
        self._udp = udp
        self.says = ""
        """Another address than the one that it sees."""
        self.silent = False
        self.asked: list[tuple[str, int]] = []
        self._ends, self._end = socket.socketpair()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    @property
    def address(self) -> str:
        host, port = self._udp.getsockname()
        return f"{host}:{port}"

    def close(self) -> None:
        self._end.close()
        self._thread.join()
        self._ends.close()
        self._udp.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def _run(self) -> None:
        with selectors.DefaultSelector() as selector:
            selector.register(self._udp, selectors.EVENT_READ)
            selector.register(self._ends, selectors.EVENT_READ)
            while not any(key.fileobj is self._ends for key, _ in selector.select()):
                request, source = self._udp.recvfrom(2048)
                self.asked.append(source)
                if not self.silent:
                    seen = (self.says or source[0], source[1])
                    self._udp.sendto(answer(request[8:20], seen), source)
