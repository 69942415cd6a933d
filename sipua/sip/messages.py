"""The messages between the pjsua2 thread and all other code.

Plain data: commands go in, events come out, and both name a call by our own call id. Those of one
call go on to the worker that has it (`sipua.worker.link`). A pjsua2 object never leaves its thread.
"""

from __future__ import annotations

import enum
import secrets
from dataclasses import dataclass, field

from sipua.rtp.dtls.agreement import DtlsAgreement
from sipua.rtp.events import Address
from sipua.rtp.ports import ReservedPort
from sipua.rtp.srtp.keys import SrtpKeys
from sipua.sip.nat.told_address import SetFoundAddress, SetTowards
from sipua.sip.peer_news import PeerNews
from sipua.sip.settings import AccountSettings
from sipua.sip.wire.caller_id import NO_PARTIES, Parties
from sipua.sip.wire.info_digits import DigitTold
from sipua.sip.wire.refer_messages import (
    FollowRefer,
    PartyChanged,
    ReferAsked,
    ReferNews,
    RefuseRefer,
)
from sipua.sip.wire.tls import SetTls
from sipua.sip.wire.transfer_messages import TransferNews
from sipua.sip.wire.verdict import Claim

_ID_ALPHABET = "23456789abcdefghjkmnpqrstuvwxyz"


def new_call_id() -> str:
    """A new short id that can be read out over the phone: no 0/o, 1/l/i."""
    return "c-" + "".join(secrets.choice(_ID_ALPHABET) for _ in range(8))


class Direction(enum.StrEnum):
    """The direction of our media, seen from here (RFC 3264)."""

    SENDRECV = "sendrecv"
    SENDONLY = "sendonly"
    RECVONLY = "recvonly"
    INACTIVE = "inactive"

    @property
    def sends(self) -> bool:
        return self in (Direction.SENDRECV, Direction.SENDONLY)

    @property
    def receives(self) -> bool:
        return self in (Direction.SENDRECV, Direction.RECVONLY)


class EndedBy(enum.StrEnum):
    PEER = "peer"
    US = "us"
    NETWORK = "network"


@dataclass(frozen=True, slots=True)
class NegotiatedMedia:
    """One audio stream as negotiated by offer and answer."""

    remote: Address
    codec: str
    payload_type: int
    accepted_types: dict[int, str]
    telephone_event_type: int | None
    direction: Direction
    signalling_ip: str
    rtcp_remote: Address | None = None
    rtcp_muxed: bool = False
    """RTCP on the RTP port (RFC 5761): the offer had it, and our answer."""
    rtcp_extended: bool = False
    """The offer asks for extended reports (RFC 3611), or the configuration does."""
    remote_ssrcs: frozenset[int] = frozenset()
    """The SSRCs of the peer, by its offer; unknown when the offer is ours."""
    telephone_event_send_type: int | None = None
    srtp: SrtpKeys | None = None
    """Keys of the SDP."""
    dtls: DtlsAgreement | None = None
    """Keys come from a handshake; None, both: it is not encrypted."""

    @property
    def suite(self) -> str:
        """What it is encrypted with, as far as signalling knows; empty: it is not."""
        return self.srtp.suite if self.srtp else "DTLS" if self.dtls else ""


# --- events: pjsua2 thread -> asyncio ------------------------------------------------------


@dataclass(frozen=True, slots=True)
class IncomingCall:
    call_id: str
    sip_call_id: str
    from_uri: str
    to_uri: str
    request_uri: str
    source: Address
    origin: str
    local: ReservedPort
    arrived_s: float
    """By the monotonic clock."""
    altered: tuple[str, ...] = ()
    """Which of these texts were changed, and why."""
    traceparent: str = ""
    """The header as it came, if its trunk may send one."""
    parties: Parties = NO_PARTIES
    claim: Claim | None = None
    """What is to be verified of its caller, before anything is done with it."""


@dataclass(frozen=True, slots=True)
class CallRefused:
    """An INVITE that never became a call: no port and no engine was used for it."""

    sip_call_id: str
    from_uri: str
    to_uri: str
    source: Address
    status: int
    reason: str
    cause: str = ""
    """What was wrong with it, where the status does not say it."""
    altered: tuple[str, ...] = ()
    origin: str = ""
    """The trunk or account that it came by, as far as it is known. `rule`: the key that refuses."""
    rule: str = ""


@dataclass(frozen=True, slots=True)
class CallInvited:
    """The INVITE of a call that we place has left; again when it is challenged, and sent as another
    call."""

    call_id: str
    sip_call_id: str
    server: str = ""
    """The server of a trunk that it has gone to."""
    account: str = ""
    """The account or trunk that it has gone out by."""


@dataclass(frozen=True, slots=True)
class AttemptFailed:
    """A server of a trunk did not take a call of ours; the next one is tried."""

    call_id: str
    server: str
    status: int
    reason: str
    next_server: str


@dataclass(frozen=True, slots=True)
class CallProgress:
    """A provisional response to a call that we placed: 180, 183, ..."""

    call_id: str
    status: int
    reason: str


@dataclass(frozen=True, slots=True)
class MediaReady:
    """Offer and answer are negotiated; comes again at every hold, resume and codec change."""

    call_id: str
    media: NegotiatedMedia


@dataclass(frozen=True, slots=True)
class CallConfirmed:
    """The ACK is in (or out): three-way handshake done."""

    call_id: str


@dataclass(frozen=True, slots=True)
class CallEnded:
    call_id: str
    by: EndedBy
    status: int
    reason: str


@dataclass(frozen=True, slots=True)
class OfferRefused:
    """A re-INVITE or UPDATE whose offer cannot be met; the call goes on as it was."""

    call_id: str
    status: int
    cause: str


@dataclass(frozen=True, slots=True)
class RequestRefused:
    """A request within a call, from a source that may not send it: it got the answer of a call that
    is not there, and the call does not know of it."""

    call_id: str
    method: str
    source: Address
    kept_back: int = 0
    """How many were not told since the last one."""


@dataclass(frozen=True, slots=True)
class TransferRefused:
    """A REFER (or Replaces) that was refused; reported because it may be an attack."""

    call_id: str
    """Empty: it was of no call."""
    target: str
    status: int
    rule: str = ""
    """The key of the configuration that says so, or what is wrong with the request."""
    source: Address = ("", 0)
    """Of one that was of no call."""


@dataclass(frozen=True, slots=True)
class HoldDone:
    """The peer has answered our re-INVITE: it is on hold, or not any more."""

    call_id: str
    on: bool


@dataclass(frozen=True, slots=True)
class HoldRefused:
    """Our re-INVITE was refused, or could not be sent; the call goes on as it was. 491: an offer of
    the peer is under way, and ours may be sent again later (RFC 3261 14.1)."""

    call_id: str
    on: bool
    status: int
    reason: str


HoldNews = HoldDone | HoldRefused
CallNews = (
    CallInvited | AttemptFailed | MediaReady | CallConfirmed | CallEnded | DigitTold | PartyChanged
)
CallSignal = CallNews | TransferNews | HoldNews
"""What the call itself is told."""


@dataclass(frozen=True, slots=True)
class SipMessage:
    """One SIP message as it went over the wire, when `log.sip` asks for it."""

    direction: str
    peer: str
    text: str


@dataclass(frozen=True, slots=True)
class LibraryMessage:
    """An error in pjsip's own log; its effect on a call or account is reported separately."""

    text: str


@dataclass(frozen=True, slots=True)
class SignallingFault:
    """An exception on the pjsua2 thread; with a call id where a call is concerned."""

    where: str
    error: str
    call_id: str | None = None


@dataclass(frozen=True, slots=True)
class SignallingLost:
    """The pjsua2 thread has ended, or hangs: no event and no command will pass any more. The
    process has to end.
    """

    cause: str


SipEvent = (
    IncomingCall | CallRefused | PeerNews | CallInvited | AttemptFailed | CallProgress | MediaReady
    | CallConfirmed | CallEnded | DigitTold | PartyChanged | OfferRefused | RequestRefused
    | TransferRefused | ReferAsked | ReferNews | TransferNews | HoldNews
    | SipMessage | LibraryMessage | SignallingFault | SignallingLost
)  # fmt: skip

# --- commands: asyncio -> pjsua2 thread ----------------------------------------------------


@dataclass(frozen=True, slots=True)
class BeHeard:
    """183 with our answer: the caller hears us before the call is answered."""

    call_id: str


@dataclass(frozen=True, slots=True)
class Answer:
    call_id: str


@dataclass(frozen=True, slots=True)
class Hangup:
    """BYE, CANCEL or a final refusal, by the call's state."""

    call_id: str
    status: int = 0
    reason: str = ""
    retry_after_s: int = 0
    contact: str = ""
    """The address that the caller may try instead, with a status of 3xx (RFC 3261 21.3)."""
    fault: str = ""
    """What failed on our side, for the Reason header (RFC 3326); a fixed text of ours."""


@dataclass(frozen=True, slots=True)
class Transfer:
    """REFER (RFC 3515): the peer is asked to call the target in our place."""

    call_id: str
    target: str
    leg: str = ""
    """Of a leg that has the target already: its call is to be taken over (RFC 3891)."""


@dataclass(frozen=True, slots=True)
class SetHold:
    """A re-INVITE: the peer is put on hold (`sendonly`), or taken back (`sendrecv`)."""

    call_id: str
    on: bool


@dataclass(frozen=True, slots=True)
class AnotherWay:
    """The same call by another trunk, as that wants it."""

    account: str
    target: str
    headers: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class PlaceCall:
    call_id: str
    target: str
    local: ReservedPort
    account: str = ""
    headers: dict[str, str] = field(default_factory=dict)
    others: tuple[AnotherWay, ...] = ()
    """Tried in this order, where the trunk before does not take the call."""


@dataclass(frozen=True, slots=True)
class Leave:
    """Give up every registration, for good; calls that run go on."""


@dataclass(frozen=True, slots=True)
class Refresh:
    """Register this account now, whenever it would be due."""

    account: str


@dataclass(frozen=True, slots=True)
class SetAccounts:
    """Have these accounts, and no others. Calls keep those that they began with."""

    accounts: tuple[AccountSettings, ...] = field(repr=False)


CallCommand = BeHeard | Answer | Hangup | Transfer | SetHold
"""What a call itself commands."""
SipCommand = (
    CallCommand
    | PlaceCall
    | FollowRefer
    | RefuseRefer
    | Leave
    | Refresh
    | SetAccounts
    | SetFoundAddress
    | SetTowards
    | SetTls
)
