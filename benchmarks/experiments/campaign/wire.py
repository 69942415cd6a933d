"""What the called side has seen: SIPp's trace of messages, as calls. The edge has no word in it.

A call is up from its INVITE to the first message that ends it: BYE, CANCEL, a refusal. All of these
times are the receiver's. A line that says nothing sees no end: an INVITE without any answer cannot
be cancelled (RFC 3261, 9.1), and is repeated after it was given up. Such a call counts for as long
as it may ring.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from itertools import pairwise
from pathlib import Path
from typing import Final

_MARK: Final = re.compile(r"^-{40,} (\d{4}-\d\d-\d\d)[ \t]([\d:.]+).*$", re.MULTILINE)
_INVITE: Final = re.compile(r"INVITE sip:([+0-9]{1,40})@")
_FINAL: Final = re.compile(r"SIP/2\.0 ([2-6]\d\d) ")
_CALL_ID: Final = re.compile(r"^Call-ID:[ \t]*(\S+)", re.MULTILINE | re.IGNORECASE)
_CSEQ: Final = re.compile(r"^CSeq:[ \t]*\d+[ \t]+(\w+)", re.MULTILINE | re.IGNORECASE)
RING_S: Final = 3.0
"""So long a call may ring."""
_BY_STATUS: Final = {404: "rejected", 480: "no_answer", 486: "busy", 503: "failed", 603: "rejected"}


@dataclass(frozen=True, slots=True)
class Message:
    at_s: float
    sent: bool
    """By SIPp."""
    text: str


@dataclass(slots=True)
class Call:
    trunk: str
    number: str
    begun_s: float
    ended_s: float | None = None
    answered: bool = False
    outcome: str = ""
    """As the called side has seen it; `answered`: by whom is known from the number. Empty: it has
    said nothing."""

    @property
    def until_s(self) -> float:
        return self.begun_s + RING_S if self.ended_s is None else self.ended_s


class Trace:
    """A file that grows: each part of it is read once."""

    def __init__(self, file: Path, trunk: str) -> None:
        self._file = file
        self._trunk = trunk
        self._read_to = 0
        self._rest = ""
        self._calls: dict[str, Call] = {}

    def read(self, *, to_the_end: bool = False) -> list[Call]:
        """The calls so far. `to_the_end`: the last message is whole as well."""
        if self._file.exists():
            with self._file.open("rb") as file:
                file.seek(self._read_to)
                data = file.read()
            # No message of these has a byte that is no ASCII.
            self._read_to += len(data)
            self._rest += data.decode("ascii", "replace")
        messages, self._rest = split(self._rest, to_the_end=to_the_end)
        for message in messages:
            take(self._calls, self._trunk, message)
        return list(self._calls.values())


def split(text: str, *, to_the_end: bool) -> tuple[list[Message], str]:
    """The whole messages, and what is left."""
    marks = list(_MARK.finditer(text))
    ends = [mark.start() for mark in marks[1:]]
    if to_the_end and marks:
        ends.append(len(text))
    found = []
    for mark, end in zip(marks, ends, strict=False):
        head, _, body = text[mark.end() + 1 : end].partition("\n\n")
        at = datetime.fromisoformat(f"{mark[1]}T{mark[2]}")
        found.append(Message(at.timestamp(), " sent " in head, body.replace("\r", "").strip()))
    return found, text[ends[-1] :] if ends else text


def take(calls: dict[str, Call], trunk: str, message: Message) -> None:
    """What this message makes of its call."""
    named = _CALL_ID.search(message.text)
    if named is None:
        return
    call_id, at_s = named[1], message.at_s
    invite = _INVITE.match(message.text)
    if invite and not message.sent and call_id not in calls:
        calls[call_id] = Call(trunk, invite[1], at_s)
    call = calls.get(call_id)
    if call is None:
        return
    if message.text.startswith(("BYE ", "CANCEL ")):
        _end(call, at_s, "no_answer" if message.text.startswith("C") else "answered")
    elif message.sent and (final := _FINAL.match(message.text)) and _method(message) == "INVITE":
        status = int(final[1])
        if status >= 300:
            _end(call, at_s, _BY_STATUS.get(status, str(status)))
        elif call.ended_s is None:
            call.answered, call.outcome = True, "answered"


def _method(message: Message) -> str:
    found = _CSEQ.search(message.text)
    return found[1] if found else ""


def _end(call: Call, at_s: float, outcome: str) -> None:
    if call.ended_s is None:
        call.ended_s, call.outcome = at_s, outcome


def cut(calls: Iterable[Call], killed_s: float) -> list[Call]:
    """As the edge has them: what it had up when it was killed has ended for it in that moment."""
    return [
        replace(one, ended_s=killed_s) if one.begun_s < killed_s < one.until_s else one
        for one in calls
    ]


def most_at_once(calls: Iterable[Call]) -> int:
    steps = [step for one in calls for step in ((one.begun_s, 1), (one.until_s, -1))]
    up = most = 0
    for _, step in sorted(steps):  # an end comes before a beginning of the same moment
        up += step
        most = max(most, up)
    return most


def most_in(calls: Iterable[Call], seconds: float) -> int:
    """The most that began within so many seconds."""
    begun = sorted(one.begun_s for one in calls)
    first = most = 0
    for at, begun_s in enumerate(begun):
        while begun[first] <= begun_s - seconds:
            first += 1
        most = max(most, at - first + 1)
    return most


def by_number(calls: Iterable[Call]) -> dict[str, list[Call]]:
    """In the order in which they began."""
    found: dict[str, list[Call]] = {}
    for one in sorted(calls, key=lambda call: call.begun_s):
        found.setdefault(one.number, []).append(one)
    return found


def overlaps(calls: Sequence[Call]) -> bool:
    """Whether one of them began before the one before had ended. `calls`: in order."""
    return any(later.begun_s < first.until_s for first, later in pairwise(calls))
