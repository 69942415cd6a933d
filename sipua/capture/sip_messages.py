"""The SIP messages of captured calls, found by Call-ID, as datagrams with secrets masked.

An INVITE is seen before it is a call, so the last messages wait here for a while.
"""

from collections import deque
from collections.abc import Callable

from sipua.capture.mask import mask_message
from sipua.rtp.events import Address
from sipua.sip.addresses import address
from sipua.sip.messages import SipMessage
from sipua.sip.texts import header

_MAX_WAITING = 256
_WAIT_S = 5.0

Take = Callable[[float, Address, Address, bytes], None]
"""`take(at_s, source, target, datagram)`"""


class SipToCaptures:
    def __init__(self, local_of: Callable[[str, str], Address]) -> None:
        self._local_of = local_of
        self._calls: dict[str, Take] = {}
        self._waiting: deque[tuple[float, str, SipMessage]] = deque(maxlen=_MAX_WAITING)

    def attach(self, sip_call_id: str, take: Take) -> None:
        self._calls[sip_call_id] = take
        kept: deque[tuple[float, str, SipMessage]] = deque(maxlen=_MAX_WAITING)
        for at_s, call_id, message in self._waiting:
            if call_id == sip_call_id:
                self._pass_on(take, at_s, message)
            else:
                kept.append((at_s, call_id, message))
        self._waiting = kept

    def detach(self, sip_call_id: str) -> None:
        self._calls.pop(sip_call_id, None)

    def take(self, message: SipMessage, now: float) -> None:
        call_id = header(message.text, "Call-ID") or ""
        take = self._calls.get(call_id)
        if take is not None:
            self._pass_on(take, now, message)
            return
        while self._waiting and self._waiting[0][0] < now - _WAIT_S:
            self._waiting.popleft()
        if call_id:
            self._waiting.append((now, call_id, message))

    def _pass_on(self, take: Take, at_s: float, message: SipMessage) -> None:
        datagram = sip_datagram(message, self._local_of)
        if datagram is not None:
            take(at_s, *datagram)


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
