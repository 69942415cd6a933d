"""A SIP request that is right in all but what a test changes in it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

SDP = (
    "v=0\r\no=- 4475 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\n"
    "m=audio 9 RTP/AVP 0\r\na=rtpmap:0 PCMU/8000\r\n"
)
DROPPED = 0
"""Without an answer."""


@dataclass
class Draft:
    me: str
    """host:port of the sender, where the answer goes."""
    edge: str
    over: str
    """UDP or TCP."""
    unique: str
    """Of this message: in its branch, tag and Call-ID."""
    method: str = "OPTIONS"
    uri: str = ""
    version: str = "SIP/2.0"
    first_line: str = ""
    """In the place of the three above."""
    lines: dict[str, str] = field(default_factory=dict)
    """Header lines whole, by the name that they replace; a new name is added. Empty: left out."""
    body: str = ""
    behind: str = ""
    """What follows the end of the message."""

    def invite(self) -> None:
        self.method, self.body = "INVITE", SDP
        self.lines["Contact"] = f"Contact: <sip:tester@{self.me}>"
        self.lines["Content-Type"] = "Content-Type: application/sdp"

    def written(self) -> bytes:
        length = len(self.body.encode("utf-8", "surrogateescape"))
        ours = {
            "Via": f"Via: {self.via()}",
            "From": f"From: <sip:tester@{self.me}>;tag=f{self.unique}",
            "To": f"To: <sip:agent@{self.edge}>",
            "Call-ID": f"Call-ID: {self.unique}",
            "CSeq": f"CSeq: 4475 {self.method}",
            "Max-Forwards": "Max-Forwards: 70",
            "Content-Length": f"Content-Length: {length}",
        }
        uri = self.uri or f"sip:agent@{self.edge}"
        lines = [self.first_line or f"{self.method} {uri} {self.version}"]
        lines += [line for line in {**ours, **self.lines}.values() if line]
        text = "\r\n".join(lines) + "\r\n\r\n" + self.body + self.behind
        return text.encode("utf-8", "surrogateescape")

    def via(self) -> str:
        return f"SIP/2.0/{self.over} {self.me};branch=z9hG4bK{self.unique}"


@dataclass(frozen=True)
class Torture:
    name: str
    """As the RFC calls it."""
    section: str
    answers: frozenset[int]
    """The final answers that are right from a user agent that takes calls and nothing else."""
    write: Callable[[Draft], None]


ALL: dict[str, Torture] = {}


def torture(section: str, *answers: int) -> Callable[[Callable[[Draft], None]], None]:
    def add(write: Callable[[Draft], None]) -> None:
        ALL[write.__name__] = Torture(write.__name__, section, frozenset(answers), write)

    return add
