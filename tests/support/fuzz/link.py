"""A socket of ours, and the messages of SIP that come to it: datagrams, or cut from a stream."""

from __future__ import annotations

import re
import socket
import struct
import time
from typing import Self

_CUT_S = 0.002
"""Between two pieces, so that they are two segments, as far as a sender decides that."""
_LARGEST = 65_507


class Link:
    def __init__(self, edge: tuple[str, int], over: str, host: str, port: int = 0) -> None:
        self._edge, self._stream = edge, over == "TCP"
        kind = socket.SOCK_STREAM if self._stream else socket.SOCK_DGRAM
        self._socket = socket.socket(socket.AF_INET, kind)
        self._socket.bind((host, port))
        self._socket.settimeout(10)
        if self._stream:
            self._socket.connect(edge)
            self._socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.me = "{}:{}".format(*self._socket.getsockname())
        self._read = b""
        self.open = True

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def close(self, *, reset: bool = False) -> None:
        if reset and self._stream:
            linger = struct.pack("ii", 1, 0)
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        self._socket.close()

    def send(self, data: bytes, cuts: tuple[int, ...] = ()) -> None:
        """An edge that has hung up on what came before is no fault."""
        self._socket.settimeout(5)
        try:
            if not self._stream:
                self._socket.sendto(data[:_LARGEST], self._edge)
                return
            for begin, end in zip((0, *cuts), (*cuts, len(data)), strict=True):
                self._socket.sendall(data[begin:end])
                if end < len(data):
                    time.sleep(_CUT_S)
        except (ConnectionError, TimeoutError):
            self.open = False

    def receive(self, within_s: float) -> str | None:
        """The next message, or None if there is none in that time."""
        deadline = time.monotonic() + within_s
        while True:
            if self._stream and (size := _size(self._read)):
                message, self._read = self._read[:size], self._read[size:]
                return message.decode("utf-8", "surrogateescape")
            self._socket.settimeout(max(deadline - time.monotonic(), 0))
            try:
                data = self._socket.recv(65535)
            except (BlockingIOError, TimeoutError, ConnectionError):
                return None
            if not self._stream:
                if data.strip(b"\r\n\0"):
                    return data.decode("utf-8", "surrogateescape")
            elif data:
                self._read = (self._read + data).lstrip(b"\r\n")
            else:
                self.open = False
                return None


def _size(stream: bytes) -> int:
    """Of the first message; 0: it is not whole yet."""
    head, ended, behind = stream.partition(b"\r\n\r\n")
    found = re.search(rb"^Content-Length *: *(\d+)", head, re.MULTILINE | re.IGNORECASE)
    body = int(found[1]) if found else 0
    return len(head) + 4 + body if ended and len(behind) >= body else 0
