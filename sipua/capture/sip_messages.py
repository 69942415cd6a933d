"""The SIP messages of captured calls, as datagrams with secrets masked.

A dialog is found by its Call-ID and the tag of the side that began it: the Call-ID is the peer's
to choose, and two calls may have the same. An INVITE is seen before it is a call, so the last
messages wait here for a while. One of a peer that was refused may come again with both the same;
then the call has the messages from its own INVITE on, found by the branch of Via.
"""

import re
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

from sipua.capture.mask import mask_message
from sipua.rtp.events import Address
from sipua.sip.messages import SipMessage
from sipua.sip.wire.addresses import address
from sipua.sip.wire.texts import Message

_MAX_WAITING = 256
_WAIT_S = 5.0
MOST_DIALOGS = 64
"""Of one call: who waits for a queue's members for an hour has hundreds of legs."""
_TAG = re.compile(r";\s{0,8}tag\s{0,8}=\s{0,8}([^\s;,]+)", re.IGNORECASE)
_BRANCH = re.compile(r";\s{0,8}branch\s{0,8}=\s{0,8}([^\s;,]+)", re.IGNORECASE)

Take = Callable[[float, Address, Address, bytes], None]
"""`take(at_s, source, target, datagram)`"""


class Dialog(NamedTuple):
    call_id: str
    tag: str
    ours: bool = False
    """Whose tag it is: a proxy may give our own INVITE back to us."""


def dialog(call_id: str, peer: str) -> Dialog:
    """One that the peer has begun. `peer`: its side, From or To."""
    return Dialog(call_id, _found(_TAG, peer))


@dataclass(frozen=True, slots=True)
class _Waiting:
    at_s: float
    message: SipMessage
    peers: Dialog
    """By the peer's tag. `ours`: by ours."""
    ours: Dialog
    branch: str
    """Of the request that it is or answers."""

    def of(self, dialog: Dialog) -> bool:
        return dialog in (self.peers, self.ours)

    def begins(self, *, by_us: bool) -> Dialog | None:
        """The dialog that it begins."""
        first, second = (self.ours, self.peers) if by_us else (self.peers, self.ours)
        of_that_side = (self.message.direction == "sent") == by_us
        invite = self.message.text.startswith("INVITE ") and not second.tag
        return first if of_that_side and invite else None


class SipToCaptures:
    def __init__(self, local_of: Callable[[str, str], Address]) -> None:
        self._local_of = local_of
        self._calls: dict[Dialog, Take] = {}
        self._dialogs: dict[Take, list[Dialog]] = {}
        self._waiting: deque[_Waiting] = deque(maxlen=_MAX_WAITING)

    def attach(self, of: Dialog, take: Take) -> None:
        """A call, or a leg of it. The INVITE of a peer is the last one that was seen. A second call
        that cannot be told from the first has no SIP in its capture.
        """
        if of in self._calls:
            return
        self._calls[of] = take
        dialogs = self._dialogs.setdefault(take, [])
        dialogs.append(of)
        if len(dialogs) > MOST_DIALOGS:
            del self._calls[dialogs.pop(1)]  # not that of the call itself
        seen = [one for one in self._waiting if one.of(of)]
        others = (one for one in self._waiting if not one.of(of))
        self._waiting = deque(others, maxlen=_MAX_WAITING)
        for one in seen if of.ours else _of_last_invite(seen):
            self._pass_on(take, one.at_s, one.message)

    def attach_named(self, sip_call_id: str, take: Take, *, by_us: bool) -> None:
        """The dialog that the last INVITE with this Call-ID began; `by_us`: one that we sent."""
        for one in reversed(self._waiting):
            if one.peers.call_id == sip_call_id and (of := one.begins(by_us=by_us)):
                self.attach(of, take)
                return

    def detach(self, take: Take) -> None:
        for of in self._dialogs.pop(take, ()):
            del self._calls[of]

    def take(self, message: SipMessage, now: float) -> None:
        seen = _read(message, now)
        take = self._calls.get(seen.peers) or self._calls.get(seen.ours)
        if take is not None:
            self._pass_on(take, now, message)
            return
        while self._waiting and self._waiting[0].at_s < now - _WAIT_S:
            self._waiting.popleft()
        if seen.peers.call_id:
            self._waiting.append(seen)

    def _pass_on(self, take: Take, at_s: float, message: SipMessage) -> None:
        datagram = sip_datagram(message, self._local_of)
        if datagram is not None:
            take(at_s, *datagram)


def _of_last_invite(seen: list[_Waiting]) -> list[_Waiting]:
    """Without the messages of those that were refused before it."""
    invites = [one.branch for one in seen if one.begins(by_us=False)]
    if not invites:
        return []
    branches = [one.branch for one in seen]
    first = branches.index(invites[-1])
    return [one for one in seen[first:] if one.branch not in branches[:first]]


def _read(message: SipMessage, now: float) -> _Waiting:
    texts = Message(message.text)
    answers = message.text.startswith("SIP/2.0")
    by_peer = (message.direction == "received") != answers  # the request
    call_id = texts.header("Call-ID") or ""
    sides = [_found(_TAG, texts.header(name) or "") for name in ("From", "To")]
    peers, ours = sides if by_peer else reversed(sides)
    branch = _found(_BRANCH, texts.header("Via") or "")
    return _Waiting(now, message, Dialog(call_id, peers), Dialog(call_id, ours, ours=True), branch)


def _found(pattern: re.Pattern[str], field: str) -> str:
    found = pattern.search(field)
    return found[1] if found else ""


def sip_datagram(
    message: SipMessage, local_of: Callable[[str, str], Address]
) -> tuple[Address, Address, bytes] | None:
    """A SIP message as its datagram (or, over TCP, as if it were one), with secrets masked."""
    transport, _, where = message.peer.rpartition(" ")
    try:
        peer = address(where)
    except ValueError:
        return None
    if not peer[1]:
        return None
    local = local_of(transport, peer[0])
    payload = mask_message(message.text)
    return (local, peer, payload) if message.direction == "sent" else (peer, local, payload)
