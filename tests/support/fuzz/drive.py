"""Sends cases to an edge, answers what the edge asks, and ends each call that has come of it."""

from __future__ import annotations

import re
import secrets
from collections import Counter
from collections.abc import Callable, Iterator

from support.fuzz import answers, plan
from support.fuzz.link import Link
from support.fuzz.message import filled

_FIRST_S, _ANSWER_S = 0.2, 3.0
"""For a first answer to an INVITE that may be one, and for the final one when there was a first."""
_TCP_S = 0.01
"""Before the probe behind a case on TCP: two sockets have no order between them."""
_MOST = 400
"""Messages that are read within a case."""


class Leg:
    """One dialog with the edge, as far as it is one; `troubles` are malformed messages of its."""

    def __init__(self, link: Link, edge: tuple[str, int], case: plan.Case) -> None:
        self._link, self._case = link, case
        self._edge = "{}:{}".format(*edge)
        self._id = f"{case.seed}-{case.number}-{secrets.token_hex(3)}"
        self._branch = f"z9hG4bK{self._id}"
        self._sent = self._cseq = 0
        self._replies = iter(case.replies)
        self.invited = ""
        """The edge's INVITE to us."""
        self._answer = ""
        """The edge's last answer to our INVITE that has a tag."""
        self._up: dict[str, str] = {}
        """The 2xx of each call that has come of it, by Call-ID and tag."""
        self._rseq = "1"
        self.heard: Counter[str] = Counter()
        self.troubles: list[str] = []

    def send(self, step: plan.Step) -> None:
        self._link.send(filled(step.data, self.values(step.data)), step.cuts)
        self._sent += 1
        self.listen(0)

    def answered(self) -> None:
        within_s = _FIRST_S
        while answers.status(self._answer) < 200 and self.listen(within_s, most=1):
            within_s = _ANSWER_S

    def listen(self, within_s: float, most: int = _MOST) -> int:
        """What comes, until there is a pause of that length; how much it was."""
        for count in range(most):
            text = self._link.receive(within_s)
            if text is None:
                return count
            self.take(text)
        return most

    def take(self, text: str) -> None:
        status, method = answers.status(text), answers.method(text)
        self.heard[f"{status or 'request'} {method}"] += 1
        if trouble := answers.trouble(text):
            self.troubles.append(f"{trouble} in {text[:2000]!r}")
        if not status:
            self._asked(method, text)
        elif method == "INVITE" and status > 100:
            if ";tag=" in answers.header(text, "To"):
                self._answer = text
            if found := re.search(r"^RSeq *: *(\d+)", text, re.MULTILINE):
                self._rseq = found[1]
            if 200 <= status < 300:
                self._up[answers.header(text, "Call-ID") + answers.header(text, "To")] = text
            if status >= 200:
                self._acknowledge(text, status)

    def _asked(self, method: str, text: str) -> None:
        if method == "INVITE":
            self.invited = self.invited or text
        if method == "BYE":
            self._up = {key: up for key, up in self._up.items() if key != _other_side(text)}
        if method != "ACK":
            reply = next(self._replies, _AGREED)
            self._link.send(filled(reply, self.values(reply) | of_request(text)))

    def values(self, template: bytes) -> dict[str, str]:
        self._cseq += b"{{cseq}}" in template
        cancels = template.startswith(b"CANCEL")
        known = {
            "me": self._link.me,
            "edge": self._edge,
            "over": self._case.over,
            "id": self._id,
            "call_id": f"{self._id}@fuzz",
            "branch": self._branch if cancels or not self._sent else f"{self._branch}.{self._sent}",
            "from": f'"Fuzz" <sip:fuzz@{self._link.me}>;tag=f{self._id}',
            "to": answers.header(self._answer, "To") or f"<sip:agent@{self._edge}>;tag=none",
            "target": _target(self._answer) or f"sip:agent@{self._edge}",
            "cseq": str(10 + self._cseq),
            "rseq": self._rseq,
        }
        if self.invited:  # the edge has called us: we are the called side
            known |= of_request(self.invited)
            known["from"], known["to"] = known["r:To"], known["r:From"]
            known["call_id"] = known["r:Call-ID"]
            known["target"] = _target(self.invited) or known["target"]
        return known

    def _acknowledge(self, text: str, status: int) -> None:
        """Each final answer to an INVITE, whatever its call was called; and a call is ended."""
        number = re.search(r"^CSeq *: *(\d+)", text, re.MULTILINE | re.IGNORECASE)
        if number is None:
            return
        if status >= 300:
            self._request("ACK", int(number[1]), text, f"Via: {answers.header(text, 'Via')}")
        elif not any(step.data.startswith(b"ACK") for step in self._case.steps):
            self._request("ACK", int(number[1]), text)

    def _request(self, method: str, cseq: int, dialog: str, via: str = "") -> None:
        branch = f"z9hG4bK{secrets.token_hex(6)}"
        names = [f"{name}: {answers.header(dialog, name)}" for name in ("From", "To", "Call-ID")]
        lines = (
            f"{method} {_target(dialog) or 'sip:agent@' + self._edge} SIP/2.0",
            via or f"Via: SIP/2.0/{self._case.over} {self._link.me};branch={branch};rport",
            *names,
            f"CSeq: {cseq} {method}",
            "Max-Forwards: 70\r\nContent-Length: 0\r\n\r\n",
        )
        self._link.send("\r\n".join(lines).encode("utf-8", "surrogateescape"))

    def end(self, probe: Callable[[], None]) -> None:
        """`probe` returns when the edge has taken what was sent before it."""
        if self._case.over == "TCP":
            self.listen(_TCP_S)
        probe()
        self.listen(0)
        if self._up and not self._case.reset:
            for text in list(self._up.values()):
                number = re.search(r"^CSeq *: *(\d+)", text, re.MULTILINE | re.IGNORECASE)
                cseq = int(number[1]) if number else 1
                self._request("ACK", cseq, text)
                self._request("BYE", min(cseq + 1000, 2**31 - 1), text)
            probe()
            self.listen(0)


_AGREED = (
    b"SIP/2.0 200 OK\r\nVia: {{r:Via}}\r\nFrom: {{r:From}}\r\nTo: {{r:To}}\r\n"
    b"Call-ID: {{r:Call-ID}}\r\nCSeq: {{r:CSeq}}\r\nContact: <sip:fuzz@{{me}}>\r\n"
    b"Content-Length: 0\r\n\r\n"
)


def of_request(text: str) -> dict[str, str]:
    """The placeholders of a response to it."""
    names = ("Via", "From", "To", "Call-ID", "CSeq", "Contact")
    found = {f"r:{name}": answers.header(text, name) for name in names}
    if ";tag=" not in found["r:To"]:
        found["r:To"] += ";tag=callee"
    return found


def _other_side(bye: str) -> str:
    """The key of its call: what the edge calls From is our To."""
    return answers.header(bye, "Call-ID") + answers.header(bye, "From")


def _target(text: str) -> str:
    found = re.search(r"<([^>\r\n]*)>", answers.header(text, "Contact"))
    return found[1] if found else ""


class Server:
    """A registrar, and a server of a trunk, that answers what nobody should: one port, UDP."""

    def __init__(self, edge: tuple[str, int], host: str, port: int, seed: str) -> None:
        self._link = Link(edge, "UDP", host, port)
        self._seed, self._number = seed, 0
        self.asked: Counter[str] = Counter()
        self.legs: dict[str, Leg] = {}
        """By Call-ID: calls of the edge to us that a case plays."""
        self._waiting: list[plan.Case] = []
        self._edge = edge

    @property
    def me(self) -> str:
        return self._link.me

    def expect(self, case: plan.Case) -> None:
        """The next INVITE is answered as this case says."""
        self._waiting.append(case)

    def serve(self, within_s: float = 0) -> Iterator[Leg]:
        """Everything that has come; the legs that are over."""
        for _ in range(_MOST):
            text = self._link.receive(within_s)
            if text is None:
                break
            method = answers.method(text)
            self.asked[method] += 1
            leg = self.legs.get(answers.header(text, "Call-ID"))
            if leg is None and method == "INVITE" and self._waiting:
                leg = Leg(self._link, self._edge, self._waiting.pop(0))
                self.legs[answers.header(text, "Call-ID")] = leg
                yield from self._play(leg, text)
            elif leg is not None:
                leg.take(text)
            elif not answers.status(text) and method != "ACK":
                template = plan.reply(self._seed, self._number, method)
                self._number += 1
                self._link.send(filled(template, {"me": self.me} | of_request(text)))
        while len(self.legs) > 200:
            del self.legs[next(iter(self.legs))]

    def _play(self, leg: Leg, invite: str) -> Iterator[Leg]:
        leg.invited = invite
        for step in leg._case.steps:
            values = leg.values(step.data)
            self._link.send(filled(step.data, values))
        yield leg

    def close(self) -> None:
        self._link.close()


def play(edge: tuple[str, int], case: plan.Case, host: str, probe: Callable[[], None]) -> Leg:
    with Link(edge, case.over, host) as link:
        leg = Leg(link, edge, case)
        for step in case.steps:
            if step.act == "answered":
                leg.answered()
            else:
                leg.send(step)
        leg.end(probe)
        link.close(reset=case.reset)
    return leg
