"""The dispatch of each SIP message to the capture of its call, by Call-ID.

An INVITE is seen before it is a call, so the last messages wait here for a while.
"""

from collections import deque
from collections.abc import Callable

from sipua.capture.call_capture import CallCapture, sip_datagram
from sipua.rtp.events import Address
from sipua.sip.messages import SipMessage
from sipua.sip.texts import header

_MAX_WAITING = 256
_WAIT_S = 5.0


class SipToCaptures:
    def __init__(self, local_of: Callable[[str, str], Address]) -> None:
        self._local_of = local_of
        self._captures: dict[str, CallCapture] = {}
        self._waiting: deque[tuple[float, str, SipMessage]] = deque(maxlen=_MAX_WAITING)

    def attach(self, sip_call_id: str, capture: CallCapture) -> None:
        if not capture.sip:  # messages come for the log, too
            return
        self._captures[sip_call_id] = capture
        kept: deque[tuple[float, str, SipMessage]] = deque(maxlen=_MAX_WAITING)
        for at_s, call_id, message in self._waiting:
            if call_id == sip_call_id:
                self._add(capture, at_s, message)
            else:
                kept.append((at_s, call_id, message))
        self._waiting = kept

    def detach(self, sip_call_id: str) -> None:
        self._captures.pop(sip_call_id, None)

    def take(self, message: SipMessage, now: float) -> None:
        call_id = header(message.text, "Call-ID") or ""
        capture = self._captures.get(call_id)
        if capture is not None:
            self._add(capture, now, message)
            return
        while self._waiting and self._waiting[0][0] < now - _WAIT_S:
            self._waiting.popleft()
        if call_id:
            self._waiting.append((now, call_id, message))

    def _add(self, capture: CallCapture, at_s: float, message: SipMessage) -> None:
        datagram = sip_datagram(message, self._local_of)
        if datagram is not None:
            capture.add(at_s, *datagram)
