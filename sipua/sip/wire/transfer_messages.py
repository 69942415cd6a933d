"""What signalling tells of our REFER, and of what the peer has done about it. Plain data, of
`sipua.sip.messages`.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class TransferProgress:
    """The peer accepted our REFER (100), or reports the progress of its call to the target."""

    call_id: str
    status: int
    reason: str


@dataclass(frozen=True, slots=True)
class TransferDone:
    """The target has answered the peer: our part of the call is over."""

    call_id: str
    status: int
    reason: str


@dataclass(frozen=True, slots=True)
class TransferFailed:
    """The peer refused our REFER, or could not reach the target; the call goes on."""

    call_id: str
    status: int
    reason: str


TransferNews = TransferProgress | TransferDone | TransferFailed
