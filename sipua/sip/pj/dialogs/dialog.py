"""What replacing a dialog needs of calls, of what places them, and of their owner. pjsua2 thread
only."""

from __future__ import annotations

from collections.abc import Callable
from typing import Protocol

from sipua.rtp.ports import ReservedPort
from sipua.sip.messages import Hangup, NegotiatedMedia, PlaceCall, SipEvent
from sipua.sip.state import CallState


class Dialog(Protocol):
    """What is needed of a call of pjsua2's."""

    call_id: str
    origin: str
    local: ReservedPort | None
    state: CallState

    media: NegotiatedMedia | None
    refers: bool
    """Whether a REFER of ours is under way."""
    refers_taken: int
    """How many of the peer's."""

    def notify(self, about: str, status: int, reason: str, *, over: bool = False) -> None:
        """Send a NOTIFY; `about`: its Event header."""

    def end(self, order: Hangup) -> None: ...


class ReferralOwner(Protocol):
    """The endpoint."""

    emit: Callable[[SipEvent], None]
    after: Callable[[float, Callable[[], None]], None]

    def pass_on(self, event: SipEvent) -> None:
        """As `emit`, past the referrals."""


class Places(Protocol):
    def place(self, order: PlaceCall) -> None: ...

    def withdraw(self, call_id: str) -> bool: ...

    def forget(self, call_id: str) -> None: ...
