"""A UDP port in front of a SIP server that a test silences: while it is off all datagrams are lost.

The server answers to the switch, which passes its words on; where the Contact of an answer leads is
the server itself. The switch can answer OPTIONS in its place, as SIPp has one scenario at a time.
"""

from __future__ import annotations

import selectors
import socket
import threading
from contextlib import suppress

from support.ports import LOOPBACK


class UdpSwitch:
    def __init__(self, server_port: int) -> None:
        self.on = True
        self.lost = 0
        """Datagrams that came while it was off."""
        self.options = ""
        """The status of an answer to OPTIONS, such as "200 OK"; empty: they are passed on."""
        self.asked = 0
        """OPTIONS that were answered."""
        self._server = (LOOPBACK, server_port)
        self._front = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._back = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._wake, self._end = socket.socketpair()
        self._front.bind((LOOPBACK, 0))
        self._back.bind((LOOPBACK, 0))
        self.port = int(self._front.getsockname()[1])
        self._client = ("", 0)
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    @property
    def address(self) -> str:
        return f"{LOOPBACK}:{self.port}"

    def close(self) -> None:
        self._wake.close()
        self._thread.join(5)
        for one in (self._front, self._back, self._end):
            one.close()

    def _run(self) -> None:
        with selectors.DefaultSelector() as selector:
            for one in (self._front, self._back, self._end):
                selector.register(one, selectors.EVENT_READ)
            while True:
                for key, _ in selector.select():
                    if key.fileobj is self._end:
                        return
                    with suppress(ConnectionRefusedError):
                        self._pass(key.fileobj is self._front)

    def _pass(self, forth: bool) -> None:
        data, source = (self._front if forth else self._back).recvfrom(65536)
        if not self.on:
            self.lost += forth
        elif forth and self.options and data.startswith(b"OPTIONS "):
            self.asked += 1
            self._front.sendto(_answer(data.decode(), self.options), source)
        elif forth and data.strip():  # a keep-alive comes from elsewhere
            self._client = source
            self._back.sendto(data, self._server)
        elif self._client[1]:
            self._front.sendto(data, self._client)


def _answer(request: str, status: str) -> bytes:
    kept = ("via:", "from:", "to:", "call-id:", "cseq:")
    lines = [line for line in request.split("\r\n") if line.lower().startswith(kept)]
    return "\r\n".join([f"SIP/2.0 {status}", *lines, "Content-Length: 0", "", ""]).encode()
