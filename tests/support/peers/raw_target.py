"""The target of a second leg, over UDP, that says exactly what a test says when the test says it.

As `raw_caller`, on the other side of the edge. Each message has the kernel's time of its arrival,
by the clock of `time.time`, so that two sockets of one test share one clock and a busy machine
does not blame the sender.
"""

from __future__ import annotations

import re
import secrets
import socket
import struct
import time
from dataclasses import dataclass
from typing import Self

from support.peers.raw_caller import OFFER
from support.ports import LOOPBACK

_TIMESTAMPNS = 35  # SO_TIMESTAMPNS of Linux, which Python's socket module does not name
_TIMESPEC = struct.Struct("@qq")


@dataclass(frozen=True, slots=True)
class Request:
    method: str
    text: str
    came_s: float


@dataclass(frozen=True, slots=True)
class Answer:
    """What the edge said to a request of ours."""

    status: int
    method: str
    text: str


class RawTarget:
    """One call at a time. `requests` and `answers` are all that came so far."""

    def __init__(self) -> None:
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.setsockopt(socket.SOL_SOCKET, _TIMESTAMPNS, 1)
        self._socket.bind((LOOPBACK, 0))
        self._me = "{}:{}".format(*self._socket.getsockname())
        self._edge: tuple[str, int] = ("", 0)
        self._tag = secrets.token_hex(4)
        self._cseq = 10
        self.requests: list[Request] = []
        self.answers: list[Answer] = []

    @property
    def uri(self) -> str:
        return f"sip:support@{self._me}"

    def ring(self) -> None:
        self._reply(self.wait("INVITE"), "180 Ringing")

    def answer(self, session: str = OFFER) -> None:
        self._reply(self.wait("INVITE"), "200 OK", session)

    def agree(self, method: str, session: str = "") -> None:
        """200 to the last request of that method."""
        self._reply(self._last(method), "200 OK", session)

    def terminated(self) -> None:
        """487 to the INVITE, behind a CANCEL."""
        self._reply(self.wait("INVITE"), "487 Request Terminated")

    def bye(self) -> None:
        self._send("BYE")

    def reinvite(self, offer: str) -> None:
        self._send("INVITE", offer)

    def info(self, key: str) -> None:
        """A key of its phone."""
        self._send("INFO", f"Signal={key}\r\nDuration=100\r\n", kind="dtmf-relay")

    def ack(self) -> None:
        self._send("ACK", cseq=self._cseq)

    def wait(self, *methods: str, timeout_s: float = 20) -> Request:
        """The first request of one of these, now or when it comes."""
        deadline = time.monotonic() + timeout_s
        while True:
            for request in self.requests:
                if request.method in methods:
                    return request
            self._receive(deadline, " or ".join(methods))

    def final(self, method: str, timeout_s: float = 20) -> Answer:
        """The final response to a request of ours, and it is forgotten then."""
        deadline = time.monotonic() + timeout_s
        while True:
            for answer in self.answers:
                if answer.method == method and answer.status >= 200:
                    self.answers.remove(answer)
                    return answer
            self._receive(deadline, f"answer to {method}")

    def close(self) -> None:
        self._socket.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def _last(self, method: str) -> Request:
        self.wait(method)
        return next(one for one in reversed(self.requests) if one.method == method)

    def _receive(self, deadline: float, what: str) -> None:
        left_s = deadline - time.monotonic()
        if left_s <= 0:
            came = [one.method for one in self.requests] + [one.status for one in self.answers]
            raise TimeoutError(f"no {what}: {came}")
        self._socket.settimeout(left_s)
        try:
            data, stamps, _, source = self._socket.recvmsg(65535, 64)
        except TimeoutError:
            return
        seconds, nanoseconds = _TIMESPEC.unpack(stamps[0][2])
        text = data.decode()
        if (status := re.match(r"SIP/2\.0 (\d{3})", text)) is not None:
            method = re.search(r"^CSeq: *\d+ +(\w+)", text, re.MULTILINE)
            assert method is not None, text
            self.answers.append(Answer(int(status[1]), method[1], text))
        elif text.strip():
            self._edge = source
            request = Request(text.partition(" ")[0], text, seconds + nanoseconds / 1e9)
            self.requests.append(request)

    def _reply(self, request: Request, status: str, session: str = "") -> None:
        lines = [f"SIP/2.0 {status}"]
        for name in ("Via", "From", "To", "Call-ID", "CSeq"):
            for value in _headers(request.text, name):
                tagged = name != "To" or ";tag=" in value
                lines.append(f"{name}: {value}" + ("" if tagged else f";tag={self._tag}"))
        lines += [f"Contact: <sip:support@{self._me}>", *_content(session)]
        self._socket.sendto("\r\n".join(lines).encode(), self._edge)

    def _send(self, method: str, body: str = "", *, cseq: int = 0, kind: str = "sdp") -> None:
        """In the dialog of the edge's INVITE."""
        invite = self.wait("INVITE").text
        (contact,) = _headers(invite, "Contact")
        (ours,), (theirs,) = _headers(invite, "To"), _headers(invite, "From")
        (call_id,) = _headers(invite, "Call-ID")
        if not cseq:
            self._cseq += 1
        lines = [
            f"{method} {contact.partition('<')[2].partition('>')[0]} SIP/2.0",
            f"Via: SIP/2.0/UDP {self._me};branch=z9hG4bK{secrets.token_hex(6)};rport",
            f"From: {ours};tag={self._tag}",
            f"To: {theirs}",
            f"Call-ID: {call_id}",
            f"CSeq: {cseq or self._cseq} {method}",
            "Max-Forwards: 70",
            f"Contact: <sip:support@{self._me}>",
            *_content(body, kind),
        ]
        self._socket.sendto("\r\n".join(lines).encode(), self._edge)


def _content(body: str, kind: str = "sdp") -> list[str]:
    known = [f"Content-Type: application/{kind}"] if body else []
    return [*known, f"Content-Length: {len(body)}", "", body]


def _headers(text: str, name: str) -> list[str]:
    return re.findall(rf"^{name}: *([^\r\n]*)", text, re.MULTILINE)
