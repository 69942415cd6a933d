"""Peers that speak SIP over TLS, no more of it than OPTIONS; and a line that can be cut."""

from __future__ import annotations

import contextlib
import re
import secrets
import socket
import ssl
import threading
import warnings
from pathlib import Path
from typing import Any, Self

from support.certificates import Issued
from support.ports import LOOPBACK

_PATIENCE_S = 20.0


def client_context(
    own: Issued | None = None, *, version: ssl.TLSVersion | None = None
) -> ssl.SSLContext:
    """It believes every server. `version`: this one only."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    if version is not None:
        context.set_ciphers("DEFAULT:@SECLEVEL=0")
        with warnings.catch_warnings():
            warnings.simplefilter(
                "ignore", DeprecationWarning
            )  # of TLS 1.1, which is to be refused
            context.minimum_version = context.maximum_version = version
    if own is not None:
        context.load_cert_chain(own.certificate, own.key)
    return context


class TlsClient:
    """A connection to an edge. ssl.SSLError or OSError: it did not come about."""

    def __init__(
        self,
        port: int,
        context: ssl.SSLContext,
        *,
        session: ssl.SSLSession | None = None,
        host: str = LOOPBACK,
    ) -> None:
        """`host`: of its own address."""
        self._plain = socket.create_connection(
            (LOOPBACK, port), timeout=_PATIENCE_S, source_address=(host, 0)
        )
        try:
            self.line = context.wrap_socket(self._plain, session=session)
        except BaseException:
            self._plain.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        with contextlib.suppress(OSError):
            self.line.close()

    @property
    def session(self) -> ssl.SSLSession | None:
        return self.line.session

    @property
    def resumed(self) -> bool:
        return bool(self.line.session_reused)

    @property
    def shown(self) -> bytes:
        """The certificate of the edge."""
        return self.line.getpeercert(binary_form=True) or b""

    def options(self) -> int:
        """The status of the answer; 0: the edge has closed the connection."""
        me = "{}:{}".format(*self.line.getsockname())
        request = (
            f"OPTIONS sip:agent@{LOOPBACK} SIP/2.0\r\n"
            f"Via: SIP/2.0/TLS {me};branch=z9hG4bK{secrets.token_hex(8)}\r\n"
            f"From: <sip:test@{me}>;tag=one\r\nTo: <sip:agent@{LOOPBACK}>\r\n"
            f"Call-ID: {secrets.token_hex(8)}\r\nCSeq: 1 OPTIONS\r\n"
            f"Max-Forwards: 70\r\nContact: <sip:test@{me};transport=tls>\r\n"
            "Content-Length: 0\r\n\r\n"
        )
        try:
            self.line.sendall(request.encode())
            answer = self.line.recv(65535)
        except (ConnectionError, ssl.SSLError):
            return 0
        return int(answer.split(b" ", 2)[1]) if answer else 0


class TlsLine(socket.socket):
    """A connection of a client in the place of a `RawCaller`'s socket: one message at a time."""

    def __init__(self, client: TlsClient) -> None:
        super().__init__()
        self._client = client
        self._unread = b""

    def connect(self, address: object) -> None:
        """It is connected."""

    def getsockname(self) -> Any:
        return self._client.line.getsockname()

    def settimeout(self, value: float | None) -> None:
        self._client.line.settimeout(value)

    def send(self, data: Any, flags: int = 0) -> int:
        self._client.line.sendall(data)
        return len(data)

    def recv(self, size: int, flags: int = 0) -> bytes:
        while True:
            head, found, rest = self._unread.partition(b"\r\n\r\n")
            length = re.search(rb"\nContent-Length: *(\d+)", head)
            if found and length is not None and len(rest) >= int(length[1]):
                self._unread = rest[int(length[1]) :]
                return head + found + rest[: int(length[1])]
            if not (more := self._client.line.recv(size)):
                raise ConnectionError("the edge has closed the connection")
            self._unread += more


class TlsServer:
    """It answers each OPTIONS with 200, as a server of a trunk does."""

    def __init__(self, own: Issued, client_ca: Path | None = None) -> None:
        """`client_ca`: it wants a certificate of this authority."""
        self._context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        self._context.load_cert_chain(own.certificate, own.key)
        if client_ca is not None:
            self._context.load_verify_locations(client_ca)
            self._context.verify_mode = ssl.CERT_REQUIRED
        self._listening = socket.create_server((LOOPBACK, 0))
        self.port = int(self._listening.getsockname()[1])
        self.asked = threading.Event()
        self._lines: list[socket.socket] = []
        self._accepts = threading.Thread(target=self._accept, daemon=True)
        self._accepts.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        for one in (self._listening, *self._lines):
            _close(one)

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                line, _ = self._listening.accept()
                line.settimeout(_PATIENCE_S)
                threading.Thread(target=self._serve, args=(line,), daemon=True).start()

    def _serve(self, plain: socket.socket) -> None:
        with contextlib.suppress(OSError), self._context.wrap_socket(plain, True) as line:
            self._lines.append(line)
            while request := line.recv(65535).decode():
                kept = ("via:", "from:", "to:", "call-id:", "cseq:")
                headers = [one for one in request.splitlines() if one.lower().startswith(kept)]
                headers = [f"{one};tag=x" if one[:3].lower() == "to:" else one for one in headers]
                if request.startswith("OPTIONS "):
                    text = "\r\n".join(["SIP/2.0 200 OK", *headers, "Content-Length: 0", "", ""])
                    line.sendall(text.encode())
                    self.asked.set()


class Line:
    """TCP to another port, until it is cut; a connection is closed at once then."""

    def __init__(self, port: int) -> None:
        self._to = port
        self._listening = socket.create_server((LOOPBACK, 0))
        self.port = int(self._listening.getsockname()[1])
        self._whole = True
        self._ends: list[socket.socket] = []
        threading.Thread(target=self._accept, daemon=True).start()

    def cut(self) -> None:
        self._whole = False
        for one in self._ends:
            _close(one)
        self._ends.clear()

    def mend(self) -> None:
        self._whole = True

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.cut()
        _close(self._listening)

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                near, _ = self._listening.accept()
                if not self._whole:
                    near.close()
                    continue
                far = socket.create_connection((LOOPBACK, self._to))
                self._ends += [near, far]
                for one, other in ((near, far), (far, near)):
                    threading.Thread(target=_pass_on, args=(one, other), daemon=True).start()


def _close(one: socket.socket) -> None:
    with contextlib.suppress(OSError):
        one.shutdown(socket.SHUT_RDWR)
    one.close()


def _pass_on(one: socket.socket, other: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while data := one.recv(65535):
            other.sendall(data)
        other.shutdown(socket.SHUT_RDWR)
