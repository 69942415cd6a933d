"""The SIP messages of calls: of those that are up, and of the last ones that have ended.

A message belongs to the dialog that its Call-ID and the caller's tag name. The Call-ID is the
peer's to choose: two calls may have the same, and then the tag tells them apart. What belongs to no
call (a refused INVITE, OPTIONS, REGISTER) is kept for a few seconds only, because the INVITE of a
call is seen before its call is: a flood of refused calls drives out no call's messages.

Bounds are of memory: a text with one character beyond Latin-1 takes two or four bytes for each.
"""

from __future__ import annotations

import re
import sys
from collections import OrderedDict, deque
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final, NamedTuple

from sipua.capture.mask import mask_message
from sipua.sip.messages import SipMessage
from sipua.sip.wire import texts

MOST_MESSAGES: Final = 100
"""Of one call; a usual one has about seven."""
MOST_BYTES: Final = 64_000_000
"""Of all calls together."""
LONGEST: Final = 16_384
"""Characters of one message."""
_WAITING: Final = 512
_WAITING_BYTES: Final = 16_000_000
_WAIT_S: Final = 10.0
_TAG: Final = re.compile(r";\s{0,8}tag\s{0,8}=\s{0,8}([^\s;,]{1,256})", re.IGNORECASE)


class Dialog(NamedTuple):
    call_id: str
    tag: str
    """The caller's."""


@dataclass(frozen=True, slots=True)
class SeenSip:
    """A message when it was seen, as Unix time."""

    at_s: float
    message: SipMessage


@dataclass(frozen=True, slots=True)
class Rung:
    """One message, without secrets and control characters."""

    at_s: float
    sent: bool
    peer: str
    """Transport and address: `UDP 192.0.2.1:5060`."""
    first_line: str
    cseq: str
    text: str

    @property
    def bytes(self) -> int:
        return sum(map(sys.getsizeof, (self.peer, self.first_line, self.cseq, self.text)))


@dataclass(slots=True)
class Ladder:
    rungs: deque[Rung] = field(default_factory=lambda: deque(maxlen=MOST_MESSAGES))
    missed: int = 0
    """Messages that were dropped because there were so many."""
    bytes: int = 0

    def add(self, rung: Rung) -> None:
        if len(self.rungs) == MOST_MESSAGES:
            self.bytes -= self.rungs[0].bytes
            self.missed += 1
        self.rungs.append(rung)
        self.bytes += rung.bytes

    def clear(self) -> None:
        self.missed += len(self.rungs)
        self.rungs.clear()
        self.bytes = 0


@dataclass(frozen=True, slots=True)
class _Read:
    """What says whose a message is."""

    seen: SeenSip
    call_id: str
    tags: tuple[str, str]
    """Of From, which in the first request is the caller's, and of To."""

    @property
    def begins(self) -> bool:
        """Whether it begins a dialog."""
        return self.seen.message.text.startswith("INVITE ") and not self.tags[1]

    @property
    def bytes(self) -> int:
        return sys.getsizeof(self.seen.message.text)

    def of(self, dialog: Dialog) -> bool:
        return self.call_id == dialog.call_id and dialog.tag in self.tags


class Ladders:
    def __init__(self, *, ended_kept: int = 1000, most_bytes: int = MOST_BYTES) -> None:
        self._ended_kept = ended_kept
        self._most_bytes = most_bytes
        self._up: OrderedDict[str, Ladder] = OrderedDict()
        self._ended: OrderedDict[str, Ladder] = OrderedDict()
        self._of: dict[Dialog, str] = {}
        self._dialogs: dict[str, list[Dialog]] = {}
        self._waiting: deque[_Read] = deque()
        self._waiting_bytes = 0
        self._bytes = 0

    def get(self, call_id: str) -> Ladder | None:
        return self._up.get(call_id) or self._ended.get(call_id)

    def take(self, seen: SeenSip) -> None:
        read = _read(seen)
        for tag in read.tags:
            if found := self._of.get(Dialog(read.call_id, tag)):
                self._add(found, read)
                return
        self._waiting.append(read)
        self._waiting_bytes += read.bytes
        while self._waiting and (
            self._waiting[0].seen.at_s < seen.at_s - _WAIT_S
            or len(self._waiting) > _WAITING
            or self._waiting_bytes > _WAITING_BYTES
        ):
            self._waiting_bytes -= self._waiting.popleft().bytes

    def begin(self, call_id: str, sip_call_id: str, source: str = "") -> None:
        """A call of ours has this Call-ID; `source`: where its INVITE came from, if it came. A call
        that is challenged may begin again with another one."""
        begins = [one for one in self._waiting if one.begins and one.call_id == sip_call_id]
        fitting = [one for one in begins if one.seen.message.peer.endswith(f" {source}")]
        if not begins or (source and not fitting):
            return
        dialog = Dialog(sip_call_id, (fitting or begins)[-1].tags[0])
        if dialog in self._of:
            return
        self._of[dialog] = call_id
        self._dialogs.setdefault(call_id, []).append(dialog)
        self._up.setdefault(call_id, Ladder())
        mine = [one for one in self._waiting if one.of(dialog)]
        self._waiting = deque(one for one in self._waiting if not one.of(dialog))
        self._waiting_bytes -= sum(one.bytes for one in mine)
        for one in mine:
            self._add(call_id, one)

    def end(self, call_id: str) -> None:
        """What still comes of it (a BYE's answer) is taken for as long as it is kept."""
        if ladder := self._up.pop(call_id, None):
            self._ended[call_id] = ladder
            if len(self._ended) > self._ended_kept:
                self._forget()

    def keep_only(self, up: Iterable[str]) -> None:
        """Events were lost: what the edge has not any more has ended."""
        kept = set(up)
        for call_id in [one for one in self._up if one not in kept]:
            self.end(call_id)

    def _forget(self) -> None:
        """The oldest of those that have ended."""
        call_id, ladder = self._ended.popitem(last=False)
        self._bytes -= ladder.bytes
        for dialog in self._dialogs.pop(call_id, ()):
            del self._of[dialog]

    def _add(self, call_id: str, read: _Read) -> None:
        ladder = self.get(call_id)
        assert ladder is not None
        before = ladder.bytes
        ladder.add(_rung(read.seen))
        self._bytes += ladder.bytes - before
        while self._bytes > self._most_bytes and self._ended:
            self._forget()
        if self._bytes > self._most_bytes:  # by calls that are up
            self._bytes -= ladder.bytes
            ladder.clear()


def _read(seen: SeenSip) -> _Read:
    message = texts.Message(seen.message.text)
    tags = (_tag(message.header("From")), _tag(message.header("To")))
    return _Read(seen, message.header("Call-ID") or "", tags)


def _tag(field: str | None) -> str:
    found = _TAG.search(field or "")
    return found[1] if found else ""


def _rung(seen: SeenSip) -> Rung:
    whole = mask_message(seen.message.text).decode("utf-8", "replace")
    text = texts.body(whole)[:LONGEST]
    return Rung(
        at_s=seen.at_s,
        sent=seen.message.direction == "sent",
        peer=texts.line(seen.message.peer),
        first_line=texts.line(text.partition("\n")[0].rstrip("\r")),
        cseq=texts.line(texts.header(whole, "CSeq") or ""),
        text=text.replace("\r\n", "\n"),
    )
