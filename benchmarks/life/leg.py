"""One side's signalling of one call, without sockets or clocks: a phone that can do more than talk.

    calling ─▶ up ─▶ ending ─▶ over          it calls the edge
    called ──▶ ringing ─▶ up ─▶ …            the edge calls it
       └─▶ failed (refused, cancelled, no answer)

Besides INVITE and BYE it holds, asks for a transfer (REFER), takes one, presses keys (INFO) and
cancels; it takes offers, NOTIFY and what else the edge asks within the call. One hop, no
authentication.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Literal

from sipua.bench.load.caller import Offer, call_id_of, header, media_of, tag_of
from sipua.rtp.events import Address
from sipua.rtp.hostport import join

State = Literal["idle", "calling", "called", "ringing", "up", "ending", "over", "failed"]
Direction = Literal["sendrecv", "sendonly", "recvonly", "inactive"]

T1_S = 0.5
GIVE_UP_S = 32.0
_MIRROR: dict[str, Direction] = {
    "sendrecv": "sendrecv",
    "sendonly": "recvonly",
    "recvonly": "sendonly",
    "inactive": "inactive",
}
_COPIED = ("via:", "from:", "to:", "call-id:", "cseq:", "record-route:")


@dataclass(slots=True)
class _Sent:
    """A request, or the 200 to an INVITE, that is sent again until it is answered."""

    message: bytes
    method: str
    began_s: float
    next_s: float
    wait_s: float = T1_S
    parked: bool = False
    """A provisional answer has come: it is not sent again."""


@dataclass(slots=True)
class Leg:
    """What methods return is to be sent to the edge."""

    local: Address
    edge: Address
    offer: Offer
    call_id: str
    user: str
    """Of the edge that we call, or ours that was called."""
    state: State = "idle"
    status: int = 0
    """The final answer to our INVITE; or ours to the edge's."""
    bye_status: int = 0
    """The answer to our BYE."""
    media: Address | None = None
    ended_by: Literal["", "us", "edge"] = ""
    refer_to: str = ""
    """The edge wants us to call this target in its place."""
    notified: list[int] = field(default_factory=list)
    """What became of a REFER of ours."""
    referred: int = 0
    """The answer to our REFER."""
    _tag: str = ""
    _theirs: str = ""
    """The edge's side of the dialog: the value of To in our requests."""
    _target: str = ""
    _cseq: int = 0
    _sent: dict[int, _Sent] = field(default_factory=dict)
    _accepted: _Sent | None = None
    """Our 200, until its ACK."""
    _invite: str = ""
    _answers: dict[str, bytes] = field(default_factory=dict)
    """To requests that may be sent again, by CSeq."""
    _version: int = 1

    def __post_init__(self) -> None:
        self._tag = f"t{self.call_id[-12:]}"
        self._target = f"sip:{self.user}@{join(*self.edge)}"
        self._theirs = f"<{self._target}>"

    @property
    def over(self) -> bool:
        return self.state in ("over", "failed")

    @property
    def deadline(self) -> float | None:
        waits = [one.next_s for one in self._sent.values() if not one.parked]
        if self._accepted is not None:
            waits.append(self._accepted.next_s)
        return min(waits, default=None)

    # --- what it does -----------------------------------------------------------------------

    def call(self, now: float) -> list[bytes]:
        self.state = "calling"
        return self._request("INVITE", now, self._sdp("sendrecv"))

    def cancel(self, now: float) -> list[bytes]:
        """Our INVITE, while it is not answered."""
        if self.state != "calling":
            return []
        return self._request("CANCEL", now, cseq=self._cseq)

    def ring(self) -> list[bytes]:
        self.state = "ringing"
        return [self._response(self._invite, "180 Ringing")]

    def answer(self, now: float) -> list[bytes]:
        if self.state not in ("called", "ringing"):
            return []
        self.state, self.status = "up", 200
        message = self._response(self._invite, "200 OK", self._sdp("sendrecv"))
        self._answers[header(self._invite, "CSeq")] = message
        self._accepted = _Sent(message, "INVITE", now, now + T1_S)
        return [message]

    def refuse(self, status: int) -> list[bytes]:
        if self.state not in ("called", "ringing"):
            return []
        self.state, self.status = "failed", status
        message = self._response(self._invite, f"{status} No")
        self._answers[header(self._invite, "CSeq")] = message
        return [message]

    def hold(self, now: float, direction: Direction) -> list[bytes]:
        """A re-INVITE; sendrecv ends the hold."""
        return self._request("INVITE", now, self._sdp(direction)) if self.state == "up" else []

    def refer(self, target: str, now: float) -> list[bytes]:
        if self.state != "up":
            return []
        return self._request("REFER", now, more=(f"Refer-To: <{target}>",))

    def tell(self, status: int, now: float, *, last: bool) -> list[bytes]:
        """NOTIFY: how the call to `refer_to` stands."""
        if self.state != "up":
            return []
        left = "terminated;reason=noresource" if last else "active;expires=60"
        return self._request(
            "NOTIFY",
            now,
            f"SIP/2.0 {status} Told\r\n",
            kind="message/sipfrag;version=2.0",
            more=("Event: refer", f"Subscription-State: {left}"),
        )

    def info(self, key: str, now: float) -> list[bytes]:
        if self.state != "up":
            return []
        body = f"Signal={key}\r\nDuration=120\r\n"
        return self._request("INFO", now, body, kind="application/dtmf-relay")

    def hang_up(self, now: float) -> list[bytes]:
        if self.state != "up":
            return []
        self.state, self.ended_by = "ending", "us"
        return self._request("BYE", now)

    def handle_timer(self, now: float) -> list[bytes]:
        again = []
        for cseq, one in list(self._sent.items()):
            if one.parked or now < one.next_s:
                continue
            if now - one.began_s > GIVE_UP_S:
                del self._sent[cseq]
                self._unanswered(one.method)
                continue
            one.wait_s = min(2 * one.wait_s, 4.0)
            one.next_s = now + one.wait_s
            again.append(one.message)
        if (accepted := self._accepted) is not None and now >= accepted.next_s:
            if now - accepted.began_s > GIVE_UP_S:
                self._accepted = None
            else:
                accepted.wait_s = min(2 * accepted.wait_s, 4.0)
                accepted.next_s = now + accepted.wait_s
                again.append(accepted.message)
        return again

    # --- what it is told --------------------------------------------------------------------

    def invited(self, message: str) -> list[bytes]:
        """The edge's first INVITE; the call is answered, or refused, later."""
        self._invite = message
        self.state = "called"
        self._theirs = header(message, "From")
        self._target = _contact(message) or self._target
        self.media = media_of(message)
        return [self._response(message, "100 Trying")]

    def receive(self, text: str) -> list[bytes]:
        if text.startswith("SIP/2.0 "):
            return self._answered(text)
        method, cseq = text.partition(" ")[0], header(text, "CSeq")
        if method == "ACK":
            self._accepted = None
            return []
        if (before := self._answers.get(cseq)) is not None:
            return [before]
        answers = self._asked(method, text)
        if answers:
            self._answers = {cseq: answers[-1]} | dict(list(self._answers.items())[:3])
        return answers

    def _asked(self, method: str, text: str) -> list[bytes]:
        match method:
            case "BYE":
                if self.state in ("up", "ending"):
                    self.state, self.ended_by = "over", self.ended_by or "edge"
                    self._sent.clear()
                    self._accepted = None
                return [self._response(text, "200 OK")]
            case "CANCEL":
                ended = []
                if self.state in ("called", "ringing"):
                    ended = self.refuse(487)
                return [*ended, self._response(text, "200 OK")]
            case "INVITE" | "UPDATE":
                if method == "UPDATE" and "m=audio" not in text:
                    return [self._response(text, "200 OK")]
                self.media = media_of(text) or self.media
                return [self._response(text, "200 OK", self._sdp(_MIRROR[_direction(text)]))]
            case "REFER":
                self.refer_to = header(text, "Refer-To")
                return [self._response(text, "202 Accepted")]
            case "NOTIFY":
                found = re.search(r"SIP/2\.0 (\d{3})", text.partition("\r\n\r\n")[2])
                if found:
                    self.notified.append(int(found[1]))
                return [self._response(text, "200 OK")]
            case "OPTIONS" | "INFO":
                return [self._response(text, "200 OK")]
        return [self._response(text, "501 Not Implemented")]

    def _answered(self, text: str) -> list[bytes]:
        status = int(text[8:11]) if text[8:11].isdigit() else 0
        number, _, method = header(text, "CSeq").partition(" ")
        cseq = int(number) if number.isdigit() else 0
        if method == "CANCEL":
            self._sent.pop(-cseq, None)
            return []
        sent = self._sent.get(cseq)
        if status < 200:
            if sent is not None and method == "INVITE":
                sent.parked = True  # the edge has it; now it may take its time
            return []
        self._sent.pop(cseq, None)
        match method:
            case "INVITE":
                return self._invite_answered(cseq, status, text)
            case "BYE":
                if self.state == "ending":
                    self.state, self.bye_status = "over", status
            case "REFER" if sent is not None:
                self.referred = status
        return []

    def _invite_answered(self, cseq: int, status: int, text: str) -> list[bytes]:
        first = self.state == "calling"
        if first:
            self.status = status
            if tag := tag_of(header(text, "To")):
                self._theirs = f"<sip:{self.user}@{join(*self.edge)}>;tag={tag}"
        if status >= 300:
            if first:
                self.state = "failed"
                self._sent.clear()
            branch = _branch(text)
            return [self._message("ACK", cseq, branch=branch)]
        self._target = _contact(text) or self._target
        self.media = media_of(text) or self.media
        if first:
            self.state = "up"
            self._sent.clear()
        return [self._message("ACK", cseq)]

    def _unanswered(self, method: str) -> None:
        if method == "INVITE" and self.state == "calling":
            self.state, self.status = "failed", 408
        elif method == "BYE" and self.state == "ending":
            self.state, self.bye_status = "over", 408

    # --- messages ---------------------------------------------------------------------------

    def _sdp(self, direction: Direction) -> str:
        self._version += 1
        return (
            self.offer.sdp()
            .replace("o=bench 1 1 ", f"o=bench 1 {self._version} ")
            .replace("a=sendrecv", f"a={direction}")
        )

    def _request(
        self,
        method: str,
        now: float,
        body: str = "",
        *,
        kind: str = "application/sdp",
        more: tuple[str, ...] = (),
        cseq: int = 0,
    ) -> list[bytes]:
        if not cseq:
            self._cseq += 1
        message = self._message(method, cseq or self._cseq, body=body, kind=kind, more=more)
        key = -cseq if cseq else self._cseq
        self._sent[key] = _Sent(message, method, now, now + T1_S)
        return [message]

    def _message(
        self,
        method: str,
        cseq: int,
        *,
        body: str = "",
        kind: str = "application/sdp",
        more: tuple[str, ...] = (),
        branch: str = "",
    ) -> bytes:
        # A CANCEL has the branch of what it cancels.
        own = f"z9hG4bK{self.call_id}{cseq}{'a' if method == 'ACK' else ''}"
        lines = [
            f"{method} {self._target} SIP/2.0",
            f"Via: SIP/2.0/UDP {join(*self.local)};branch={branch or own};rport",
            f"From: <sip:bench@{join(*self.local)}>;tag={self._tag}",
            f"To: {self._theirs}",
            f"Call-ID: {self.call_id}",
            f"CSeq: {cseq} {method}",
            f"Contact: <sip:bench@{join(*self.local)}>",
            "Max-Forwards: 70",
            "Allow: INVITE, ACK, BYE, CANCEL, OPTIONS, INFO, UPDATE, REFER, NOTIFY",
            *more,
        ]
        if self._invite:  # the edge has begun the call
            lines[2] = f"From: {self._ours()}"
        if body:
            lines.append(f"Content-Type: {kind}")
        return "\r\n".join([*lines, f"Content-Length: {len(body)}", "", body]).encode()

    def _response(self, request: str, status: str, body: str = "") -> bytes:
        lines = [f"SIP/2.0 {status}"]
        for line in request.partition("\r\n\r\n")[0].split("\r\n")[1:]:
            if line.lower().startswith(_COPIED):
                tagged = ";tag=" in line or not line.lower().startswith("to:")
                lines.append(line if tagged else f"{line};tag={self._tag}")
        lines.append(f"Contact: <sip:bench@{join(*self.local)}>")
        if body:
            lines.append("Content-Type: application/sdp")
        return "\r\n".join([*lines, f"Content-Length: {len(body)}", "", body]).encode()

    def _ours(self) -> str:
        return f"{header(self._invite, 'To')};tag={self._tag}"


def called(message: str) -> tuple[str, str]:
    """Call-ID and user of an INVITE that begins a call; both empty: it is none."""
    found = re.match(r"INVITE sips?:([^@;>\s]*)@", message)
    if found is None or ";tag=" in header(message, "To"):
        return "", ""
    return call_id_of(message.encode()), found[1]


def _contact(text: str) -> str:
    found = re.search(r"<([^>]+)>", header(text, "Contact"))
    return found[1] if found else ""


def _branch(text: str) -> str:
    found = re.search(r"branch=([^;,\s]+)", header(text, "Via"))
    return found[1] if found else ""


def _direction(text: str) -> str:
    found = re.search(r"^a=(sendrecv|sendonly|recvonly|inactive)", text, re.MULTILINE)
    return found[1] if found else "sendrecv"
