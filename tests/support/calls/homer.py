"""A collector of HEP 3 that reads what it gets by the specification, and forgives nothing."""

from __future__ import annotations

import ipaddress
import json
import socket
import struct
import threading
from dataclasses import dataclass, field
from typing import Any

SIP, RTCP, LOG, CDR = 1, 5, 100, 101
# As heplify-server has them: a value of another length makes it drop the packet.
_SIZES = {1: 1, 2: 1, 3: 4, 4: 4, 5: 16, 6: 16, 7: 2, 8: 2, 9: 4, 10: 4, 11: 1, 12: 4}


@dataclass(frozen=True)
class Hep:
    chunks: dict[int, bytes]
    raw: bytes = field(repr=False)

    def number(self, chunk: int) -> int:
        return int.from_bytes(self.chunks[chunk], "big")

    def text(self, chunk: int) -> str:
        return self.chunks[chunk].decode()

    @property
    def kind(self) -> int:
        return self.number(11)

    @property
    def at_s(self) -> float:
        return self.number(9) + self.number(10) / 1e6

    @property
    def source(self) -> tuple[str, int]:
        host = ipaddress.ip_address(self.chunks.get(3) or self.chunks[5])
        return str(host), self.number(7)

    @property
    def target(self) -> tuple[str, int]:
        host = ipaddress.ip_address(self.chunks.get(4) or self.chunks[6])
        return str(host), self.number(8)

    @property
    def payload(self) -> bytes:
        return self.chunks[15]

    @property
    def json(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads(self.payload)
        return found

    @property
    def call_id(self) -> str:
        return self.text(17)


def decode(raw: bytes) -> Hep:
    magic, length = struct.unpack_from("!4sH", raw)
    assert (magic, length) == (b"HEP3", len(raw))
    chunks: dict[int, bytes] = {}
    at = 6
    while at < len(raw):
        vendor, kind, size = struct.unpack_from("!HHH", raw, at)
        assert vendor == 0
        assert kind not in chunks
        assert 6 <= size <= len(raw) - at
        chunks[kind] = raw[at + 6 : at + size]
        assert len(chunks[kind]) == _SIZES.get(kind, len(chunks[kind])), kind
        at += size
    family = chunks[1]
    assert chunks.keys() >= ({3, 4} if family == b"\x02" else {5, 6})
    return Hep(chunks, raw)


class Collector:
    """Listens when the constructor returns; `close` ends it."""

    def __init__(self, *, tcp: bool = False, port: int = 0) -> None:
        self._tcp = tcp
        self._socket = socket.socket(type=socket.SOCK_STREAM if tcp else socket.SOCK_DGRAM)
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._socket.bind(("127.0.0.1", port))
        if tcp:
            self._socket.listen(1)
        else:
            self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_000_000)
        self._socket.settimeout(0.1)
        self.port: int = self._socket.getsockname()[1]
        self._raw: list[bytes] = []
        self._ending = False
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    @property
    def packets(self) -> list[Hep]:
        return [decode(raw) for raw in list(self._raw)]

    def of(self, kind: int) -> list[Hep]:
        return [packet for packet in self.packets if packet.kind == kind]

    def close(self) -> None:
        self._ending = True
        self._thread.join(5)
        self._socket.close()

    def _run(self) -> None:
        while not self._ending:
            try:
                if self._tcp:
                    self._serve(self._socket.accept()[0])
                else:
                    self._raw.append(self._socket.recv(70_000))
            except TimeoutError:
                continue

    def _serve(self, connection: socket.socket) -> None:
        with connection:
            connection.settimeout(0.1)
            data = b""
            while not self._ending:
                try:
                    got = connection.recv(70_000)
                except TimeoutError:
                    continue
                if not got:
                    return
                data += got
                while len(data) >= 6 and len(data) >= (size := int.from_bytes(data[4:6], "big")):
                    self._raw.append(data[:size])
                    data = data[size:]
