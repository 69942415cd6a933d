"""What signalling and the edge say to each other of a REFER, or a Replaces, of a peer. Plain data,
of `sipua.sip.messages`.

    REFER ── ReferAsked ──▶ edge        may the target be called, and as whom?
          ◀── FollowRefer ──            the INVITE leaves; RefuseRefer: it must not
          ── ReferNews ──▶              what became of it
          ── PartyChanged ──▶ worker    the new party is there: the call goes on with it
    INVITE with Replaces ── PartyChanged ──▶
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal


@dataclass(frozen=True, slots=True)
class ReferAsked:
    """The peer wants this party in its place, and may want it: answered by `FollowRefer` or
    `RefuseRefer`."""

    call_id: str
    leg_id: str
    """The id in signalling of the call to the new party."""
    origin: str
    target: str
    """A number, or a SIP URI."""
    referred_by: str = ""
    """A SIP URI."""
    replaces: str = ""
    """The value of the header."""


@dataclass(frozen=True, slots=True)
class ReferNews:
    """What has become of a REFER of the peer, before the new party is there."""

    call_id: str
    target: str
    state: Literal["invited", "progress", "failed"]
    status: int = 0
    reason: str = ""
    sip_call_id: str = ""
    account: str = ""


@dataclass(frozen=True, slots=True)
class PartyChanged:
    """The call goes on with another party, in another dialog. A MediaReady follows."""

    call_id: str
    sip_call_id: str
    party: str
    """As the Refer-To or the From header has it."""
    way: Literal["refer", "replaces"]
    number: str = ""
    """In the trunk's format; empty: it is none, or is not to be known."""


@dataclass(frozen=True, slots=True)
class FollowRefer:
    """Call the party that a REFER names; it answers for the peer when it has answered."""

    call_id: str
    leg_id: str
    target: str
    """A SIP URI."""
    account: str
    headers: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class RefuseRefer:
    """It may not be called, or there is no room for it: the peer is told so by NOTIFY."""

    call_id: str
    leg_id: str
    status: int
    reason: str
