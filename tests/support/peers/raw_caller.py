"""A caller over UDP that says exactly what a test says when the test says it.

SIPp gives a call up when a message comes at a moment that its scenario does not foresee; a race
is made of such moments.
"""

import contextlib
import re
import secrets
import socket
import time
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Self

from support.ports import LOOPBACK

OFFER = (
    "v=0\r\no=raw 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n"
    "m=audio 9 RTP/AVP 0\r\na=rtpmap:0 PCMU/8000\r\n"
)


@dataclass(frozen=True, slots=True)
class Response:
    status: int
    method: str
    text: str


class RawCaller:
    """One call. Requests leave when they are asked for; `responses` are all that came so far."""

    def __init__(
        self,
        remote: tuple[str, int],
        *,
        host: str = LOOPBACK,
        says: Mapping[str, str] | None = None,
        udp: socket.socket | None = None,
        offer: str = OFFER,
        user: str = "agent",
    ) -> None:
        """`says`: other values of From, To, Call-ID, or further header fields of its INVITE; bytes
        that are no UTF-8 as lone surrogates. `udp`: bound already, for example in another network
        namespace."""
        if udp is None:
            udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            udp.bind((host, 0))
        self._socket = udp
        self._socket.connect(remote)
        self._at = remote
        self._remote = f"{remote[0]}:{remote[1]}"
        self._me = "{}:{}".format(*udp.getsockname())
        self._id = secrets.token_hex(8)
        self._offer = offer
        self._user = user
        more = dict(says or {})
        self._from = more.pop("From", f"<sip:raw@{self._me}>;tag={self._id}")
        self._to = more.pop("To", f"<sip:{user}@{self._remote}>")
        self.call_id = more.pop("Call-ID", self._id)
        self._more = "".join(f"{name}: {value}\r\n" for name, value in more.items())
        self.responses: list[Response] = []

    def invite(self, offer: str = "", content_type: str = "application/sdp") -> None:
        contact = f"Contact: <sip:raw@{self._me}>\r\nContent-Type: {content_type}\r\n"
        self._send("INVITE", 1, "invite", self._more + contact, offer or self._offer)

    def request(self, method: str) -> None:
        """Out of any dialog."""
        self._send(method, 1, method.lower())

    def within(self, method: str, cseq: int, more: str = "") -> None:
        """In the dialog of its call."""
        self._send(method, cseq, f"{method}{cseq}", more, tag=self._remote_tag())

    def twin(
        self,
        host: str = LOOPBACK,
        *,
        remote: tuple[str, int] | None = None,
        udp: socket.socket | None = None,
    ) -> "RawCaller":
        """One that has read this call from the wire, and is somewhere else."""
        says = {"From": self._from, "To": self._to, "Call-ID": self.call_id}
        twin = RawCaller(remote or self._at, host=host, says=says, udp=udp)
        twin._me, twin._id = self._me, self._id
        twin.responses = [one for one in self.responses if one.method == "INVITE"]
        return twin

    def cancel(self) -> None:
        self._send("CANCEL", 1, "invite")

    def cancel_in(self, other: "RawCaller", cseq: str) -> None:
        """By the branch our INVITE's, by its tags and Call-ID of another call."""
        lines = (
            f"CANCEL sip:agent@{self._remote} SIP/2.0",
            f"Via: SIP/2.0/UDP {self._me};branch=z9hG4bK{self._id}invite;rport",
            f"From: {other._from}",
            f"To: {other._to}{other._remote_tag()}",
            f"Call-ID: {other.call_id}",
            f"CSeq: {cseq}",
            "Max-Forwards: 70",
            "Content-Length: 0",
        )
        self._socket.send(("\r\n".join(lines) + "\r\n\r\n").encode())

    def ack(self) -> None:
        """Of the INVITE's final response, whatever it was (RFC 3261, 13.2.2.4 and 17.1.1.3)."""
        refused = self.final("INVITE").status >= 300
        self._send("ACK", 1, "invite" if refused else "ack")

    def reinvite(self, offer: str) -> None:
        """From now on the INVITE's responses are those to this one."""
        tag = self._remote_tag()
        self.responses = [response for response in self.responses if response.method != "INVITE"]
        contact = f"Contact: <sip:raw@{self._me}>\r\nContent-Type: application/sdp\r\n"
        self._send("INVITE", 2, "reinvite", contact, offer, tag=tag)

    def bye(self) -> None:
        self._send("BYE", 9, "bye")

    def bye_for_another_call(self) -> None:
        """Right tags, wrong Call-ID."""
        self._send("BYE", 2, "other", call_id=secrets.token_hex(8))

    def final(self, method: str, timeout_s: float = 10) -> Response:
        """The final response to a request, now or when it comes."""
        return self._wait(method, 200, timeout_s)

    def ringing(self, timeout_s: float = 10) -> Response:
        return self._wait("INVITE", 180, timeout_s)

    def answered(self) -> bool:
        """Whether a final response has come by now."""
        with contextlib.suppress(TimeoutError):
            self._wait("INVITE", 200, 0.001)
            return True
        return False

    def close(self) -> None:
        self._socket.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *exception: object) -> None:
        self.close()

    def _wait(self, method: str, status: int, timeout_s: float) -> Response:
        deadline = time.monotonic() + timeout_s
        while True:
            for response in self.responses:
                if response.method == method and response.status >= status:
                    return response
            left_s = deadline - time.monotonic()
            if left_s <= 0:
                raise TimeoutError(f"no {status} to {method}: {self.responses}")
            self._socket.settimeout(left_s)
            text = self._socket.recv(65535).decode("utf-8", "surrogateescape")
            if (status_line := re.match(r"SIP/2\.0 (\d{3})", text)) is None:
                continue  # a request of the other side's
            method_of = re.search(r"^CSeq: *\d+ +(\w+)", text, re.MULTILINE)
            assert method_of is not None, text
            self.responses.append(Response(int(status_line[1]), method_of[1], text))

    def _send(
        self,
        method: str,
        cseq: int,
        branch: str,
        more: str = "",
        body: str = "",
        *,
        call_id: str = "",
        tag: str = "",
    ) -> None:
        if method in ("ACK", "BYE") and ";tag=" not in self._to:
            tag = self._remote_tag()
        lines = (
            f"{method} sip:{self._user}@{self._remote} SIP/2.0",
            f"Via: SIP/2.0/UDP {self._me};branch=z9hG4bK{self._id}{branch};rport",
            f"From: {self._from}",
            f"To: {self._to}{tag}",
            f"Call-ID: {call_id or self.call_id}",
            f"CSeq: {cseq} {method}",
            "Max-Forwards: 70",
            f"{more}Content-Length: {len(body)}",
        )
        self._socket.send(
            ("\r\n".join(lines) + "\r\n\r\n" + body).encode("utf-8", "surrogateescape")
        )

    def _remote_tag(self) -> str:
        found = re.search(r"^To:.*(;tag=[^;\s]+)", self.final("INVITE").text, re.MULTILINE)
        assert found is not None
        return found[1]
