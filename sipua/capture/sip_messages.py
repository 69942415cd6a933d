"""The SIP messages of captured calls, as datagrams with secrets masked.

A call is found by its Call-ID and the peer's tag: the Call-ID is the peer's to choose, and two
calls may have the same. An INVITE is seen before it is a call, so the last messages wait here for a
while. One that was refused may come again with both the same; then the call has the messages of its
own INVITE, found by the branch of Via.
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
_TAG = re.compile(r";\s{0,8}tag\s{0,8}=\s{0,8}([^\s;,]+)", re.IGNORECASE)
_BRANCH = re.compile(r";\s{0,8}branch\s{0,8}=\s{0,8}([^\s;,]+)", re.IGNORECASE)

Take = Callable[[float, Address, Address, bytes], None]
"""`take(at_s, source, target, datagram)`"""


class Dialog(NamedTuple):
    call_id: str
    peer_tag: str


def dialog(call_id: str, peer: str) -> Dialog:
    """`peer`: the peer's side, From or To."""
    return Dialog(call_id, _found(_TAG, peer))


@dataclass(frozen=True, slots=True)
class _Waiting:
    at_s: float
    dialog: Dialog
    branch: str
    message: SipMessage


class SipToCaptures:
    def __init__(self, local_of: Callable[[str, str], Address]) -> None:
        self._local_of = local_of
        self._calls: dict[Dialog, Take] = {}
        self._waiting: deque[_Waiting] = deque(maxlen=_MAX_WAITING)

    def attach(self, of: Dialog, take: Take) -> None:
        """The call's INVITE is the last one that was seen. A second call that cannot be told from
        the first has no SIP in its capture.
        """
        if of in self._calls:
            return
        self._calls[of] = take
        seen = [one for one in self._waiting if one.dialog == of]
        others = (one for one in self._waiting if one.dialog != of)
        self._waiting = deque(others, maxlen=_MAX_WAITING)
        invites = [one.branch for one in seen if one.message.text.startswith("INVITE ")]
        for one in seen:
            if one.branch in invites[-1:]:
                self._pass_on(take, one.at_s, one.message)

    def detach(self, of: Dialog, take: Take) -> None:
        if self._calls.get(of) == take:
            del self._calls[of]

    def take(self, message: SipMessage, now: float) -> None:
        of, branch = _read(message)
        take = self._calls.get(of)
        if take is not None:
            self._pass_on(take, now, message)
            return
        while self._waiting and self._waiting[0].at_s < now - _WAIT_S:
            self._waiting.popleft()
        if of.call_id:
            self._waiting.append(_Waiting(now, of, branch, message))

    def _pass_on(self, take: Take, at_s: float, message: SipMessage) -> None:
        datagram = sip_datagram(message, self._local_of)
        if datagram is not None:
            take(at_s, *datagram)


def _read(message: SipMessage) -> tuple[Dialog, str]:
    """The dialog of a message, and the branch of the request that it is or answers."""
    texts = Message(message.text)
    answers = message.text.startswith("SIP/2.0")
    peers = "From" if (message.direction == "received") != answers else "To"
    of = dialog(texts.header("Call-ID") or "", texts.header(peers) or "")
    return of, _found(_BRANCH, texts.header("Via") or "")


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
