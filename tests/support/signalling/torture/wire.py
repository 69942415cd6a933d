"""Sends one message of the table to an edge and reads what comes back.

An answer that never comes is not waited for: pjsip takes requests in the order in which they come,
so once a later one of another peer has its answer, the earlier one has had its own, or a 100, or
is dropped.
"""

from __future__ import annotations

import contextlib
import re
import socket
import time
from dataclasses import dataclass, field
from typing import Self

from support.ports import LOOPBACK
from support.signalling.torture.draft import DROPPED, Draft, Torture

WITHIN_S = 10.0
PAUSE_S = 0.02
"""Between a message on TCP and the probe: two sockets have no order between them."""


@dataclass
class Heard:
    status: int
    """Of the final answer, or DROPPED."""
    texts: list[str] = field(default_factory=list)


class Wire:
    def __init__(self, edge: tuple[str, int], over: str, host: str) -> None:
        self._edge, self._over = edge, over
        kind = socket.SOCK_DGRAM if over == "UDP" else socket.SOCK_STREAM
        self._socket = socket.socket(socket.AF_INET, kind)
        self._socket.bind((host, 0))
        self._socket.settimeout(WITHIN_S)
        self._socket.connect(edge)
        self.me = "{}:{}".format(*self._socket.getsockname())
        self._read = b""
        self.calls = 0
        """Taken, and hung up."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self._socket.close()

    def draft(self, unique: str) -> Draft:
        return Draft(self.me, "{}:{}".format(*self._edge), self._over, unique)

    def send(self, text: bytes) -> None:
        with contextlib.suppress(ConnectionError):  # the edge may have hung up on what came before
            self._socket.sendall(text)

    def told(self, torture: Torture, unique: str) -> Heard:
        """Its answer; a call that was taken is hung up."""
        draft = self.draft(unique)
        torture.write(draft)
        self.send(draft.written())
        if self._over == "TCP":
            time.sleep(PAUSE_S)
        answers_options(self._edge)
        heard = Heard(DROPPED)
        while (text := self._next(wait=bool(heard.texts))) is not None:
            heard.texts.append(text)
            heard.status = int(text.split(None, 2)[1])
            if heard.status >= 200:
                self._acknowledge(text, draft)
                break
        return heard

    def _acknowledge(self, text: str, draft: Draft) -> None:
        """Every final answer to an INVITE, whatever its call was called."""
        if not re.search(r"^CSeq: *\d+ +INVITE", text, re.MULTILINE):
            return
        names = {name: _field(text, name) for name in ("From", "To", "Call-ID")}
        taken = text.startswith("SIP/2.0 2")
        self.calls += taken
        number = re.search(r"^CSeq: *(\d+)", text, re.MULTILINE)
        assert number is not None
        after = int(number[1]) + 1
        branches = {"ACK": "ack", "BYE": "bye"} if taken else {"ACK": ""}
        for method, branch in branches.items():
            request = Draft(draft.me, draft.edge, draft.over, draft.unique, method=method)
            vias = [line for line in text.split("\r\n") if line.startswith("Via:")]
            request.lines |= {name: f"{name}: {value}" for name, value in names.items()}
            request.lines["CSeq"] = f"CSeq: {number[1] if method == 'ACK' else after} {method}"
            request.lines["Via"] = f"Via: {draft.via()}{branch}" if branch else vias[0]
            self.send(request.written())
        while taken and (said := self._next(wait=True)) is not None:
            if re.search(r"^CSeq: *\d+ +BYE", said, re.MULTILINE):
                break

    def _next(self, *, wait: bool) -> str | None:
        """The next answer. A request of the edge's, and a 200 that comes again, are passed over."""
        self._socket.settimeout(WITHIN_S if wait else 0.0)
        while True:
            try:
                text = self._message()
            except (BlockingIOError, ConnectionError):
                return None
            if text is None or text.startswith("SIP/2.0 "):
                return text

    def _message(self) -> str | None:
        if self._over == "UDP":
            return self._socket.recv(65535).decode("utf-8", "surrogateescape")
        while not (size := _size(self._read)):
            more = self._socket.recv(65535)
            if not more:
                return None  # the edge has closed the connection
            self._read += more
        message, self._read = self._read[:size], self._read[size:]
        return message.decode("utf-8", "surrogateescape")


def _size(stream: bytes) -> int:
    """Of the first message of a stream; 0: it is not whole yet."""
    head, ended, behind = stream.partition(b"\r\n\r\n")
    found = re.search(rb"^Content-Length: *(\d+)", head, re.MULTILINE)
    body = int(found[1]) if found else 0
    return len(head) + 4 + body if ended and len(behind) >= body else 0


def _field(text: str, name: str) -> str:
    found = re.search(rf"^{name}: *(.*?)\r$", text, re.MULTILINE)
    assert found is not None, text
    return found[1]


def answers_options(edge: tuple[str, int], within_s: float = WITHIN_S) -> None:
    """An OPTIONS of another peer has an answer; TimeoutError: the edge is dead, or busy."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
        other.bind((LOOPBACK, 0))
        other.connect(edge)
        other.settimeout(within_s)
        me = "{}:{}".format(*other.getsockname())
        draft = Draft(me, "{}:{}".format(*edge), "UDP", f"probe{time.monotonic_ns()}")
        other.send(draft.written())
        assert other.recv(65535).startswith(b"SIP/2.0 ")
