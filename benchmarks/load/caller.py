"""A caller's signalling, without sockets or clocks: INVITE, ACK, BYE, and no more than that.

    calling ─▶ up ─▶ ending ─▶ over
       └─▶ failed   └─▶ over (the edge hung up)

Enough for a load generator that calls an edge on the same machine: one hop, no authentication, no
forking. Messages are retransmitted as RFC 3261 §17 says, for a busy edge may lose some.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from sipua.codecs.g711 import Law
from sipua.rtp.events import Address
from sipua.rtp.hostport import join

State = Literal["idle", "calling", "up", "ending", "over", "failed"]

_T1_S = 0.5
_GIVE_UP_S = 32.0


@dataclass(frozen=True, slots=True)
class Offer:
    """Where the caller's media is, and what it may be."""

    host: str
    port: int
    law: Law = Law.PCMU
    ptime_ms: int = 20

    def sdp(self) -> str:
        kind = self.law.payload_type
        return (
            f"v=0\r\no=bench 1 1 IN IP4 {self.host}\r\ns=-\r\nc=IN IP4 {self.host}\r\nt=0 0\r\n"
            f"m=audio {self.port} RTP/AVP {kind} 101\r\na=rtpmap:{kind} {self.law.name}/8000\r\n"
            "a=rtpmap:101 telephone-event/8000\r\na=fmtp:101 0-16\r\n"
            f"a=ptime:{self.ptime_ms}\r\na=sendrecv\r\n"
        )


class Caller:
    """One call. What methods return is to be sent to the edge."""

    def __init__(
        self,
        number: int,
        local: Address,
        edge: Address,
        offer: Offer,
        *,
        run: str,
        service: str = "agent",
    ) -> None:
        self.call_id = f"bench-{run}-{number}"
        self.state: State = "idle"
        self.status = 0
        self.progress = 0
        """The highest status that has answered the INVITE."""
        self.media: Address | None = None
        """Where the edge wants our audio, once the call is up."""
        self._local = join(*local)
        self._edge = join(*edge)
        self._offer = offer
        self._uri = f"sip:{service}@{self._edge}"
        self._from_tag = f"f{number}"
        self._to_tag = ""
        self._target = self._uri
        self._ack = b""
        self._request = b""
        self._began_s = 0.0
        self._wait_s = _T1_S
        self.deadline: float | None = None

    def invite(self, now: float) -> list[bytes]:
        self.state = "calling"
        body = self._offer.sdp()
        self._request = self._message("INVITE", 1, f"b{self._from_tag}i", body)
        self._restart(now)
        return [self._request]

    def hang_up(self, now: float) -> list[bytes]:
        if self.state != "up":
            return []
        self.state = "ending"
        self._request = self._message("BYE", 2, f"b{self._from_tag}b")
        self._restart(now)
        return [self._request]

    def handle_timer(self, now: float) -> list[bytes]:
        if self.deadline is None or now < self.deadline:
            return []
        if now - self._began_s > _GIVE_UP_S:
            self._end("failed", 408)
            return []
        self._wait_s = min(2 * self._wait_s, 4.0)
        self.deadline = now + self._wait_s
        return [self._request]

    def receive(self, message: bytes) -> list[bytes]:
        text = message.decode(errors="replace")
        if not text.startswith("SIP/2.0 "):
            return self._asked(text)
        status = int(text[8:11]) if text[8:11].isdigit() else 0
        method = header(text, "CSeq").rpartition(" ")[2]
        if method == "INVITE":
            return self._invite_answered(status, text)
        if method == "BYE" and status >= 200 and self.state == "ending":
            self._end("over", status)
        return []

    def _invite_answered(self, status: int, text: str) -> list[bytes]:
        self.progress = max(self.progress, status)
        if status < 200:
            if self.state == "calling":
                self.deadline = None  # the edge has it; now it may take its time
            return []
        self._to_tag = tag_of(header(text, "To"))
        if status >= 300:
            if self.state == "calling":
                self._end("failed", status)
            return [self._message("ACK", 1, f"b{self._from_tag}i")]
        if self.state == "calling":
            contact = re.search(r"<([^>]+)>", header(text, "Contact"))
            self._target = contact[1] if contact else self._target
            self.media = media_of(text)
            self._ack = self._message("ACK", 1, f"b{self._from_tag}a")
            self.state = "up" if self.media else "failed"
            self.status = status
            self.deadline = None
        return [self._ack]

    def _asked(self, text: str) -> list[bytes]:
        """The edge asks something: its BYE ends the call, the rest is politely refused."""
        method = text.partition(" ")[0]
        if method == "ACK":
            return []
        known = method in ("BYE", "OPTIONS")
        if method == "BYE" and self.state in ("up", "ending"):
            self._end("over", 0)
        lines = [f"SIP/2.0 {'200 OK' if known else '501 Not Implemented'}"]
        lines += [
            line
            for line in text.partition("\r\n\r\n")[0].split("\r\n")
            if line.lower().startswith(("via:", "from:", "to:", "call-id:", "cseq:"))
        ]
        return [("\r\n".join([*lines, "Content-Length: 0", "", ""])).encode()]

    def _end(self, state: State, status: int) -> None:
        self.state = state
        self.status = status
        self.deadline = None

    def _restart(self, now: float) -> None:
        self._began_s = now
        self._wait_s = _T1_S
        self.deadline = now + _T1_S

    def _message(self, method: str, sequence: int, branch: str, body: str = "") -> bytes:
        to_tag = f";tag={self._to_tag}" if self._to_tag else ""
        target = self._uri if method == "INVITE" else self._target
        lines = [
            f"{method} {target} SIP/2.0",
            f"Via: SIP/2.0/UDP {self._local};branch=z9hG4bK{self.call_id}{branch};rport",
            f"From: <sip:bench@{self._local}>;tag={self._from_tag}",
            f"To: <{self._uri}>{to_tag}",
            f"Call-ID: {self.call_id}",
            f"CSeq: {sequence} {method}",
            f"Contact: <sip:bench@{self._local}>",
            "Max-Forwards: 70",
        ]
        if body:
            lines.append("Content-Type: application/sdp")
        return "\r\n".join([*lines, f"Content-Length: {len(body)}", "", body]).encode()


def call_id_of(message: bytes) -> str:
    match = re.search(rb"^(?:Call-ID|i)\s*:\s*(\S+)", message, re.MULTILINE | re.IGNORECASE)
    return match[1].decode(errors="replace") if match else ""


def header(text: str, name: str) -> str:
    match = re.search(rf"^{name}\s*:\s*(.*?)\r?$", text, re.MULTILINE | re.IGNORECASE)
    return match[1] if match else ""


def tag_of(value: str) -> str:
    match = re.search(r";tag=([^;>\s]+)", value)
    return match[1] if match else ""


def media_of(text: str) -> Address | None:
    host = re.search(r"^c=IN IP4 (\S+)", text, re.MULTILINE)
    port = re.search(r"^m=audio (\d+)", text, re.MULTILINE)
    if host is None or port is None or int(port[1]) == 0:
        return None
    return host[1], int(port[1])
