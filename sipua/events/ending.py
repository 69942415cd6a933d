"""How a call ended: closed lists, and the decision, made where the call is closed.

`status` is the outcome in a word, as a bill or a dialler asks for it. `end` says who closed it,
why, and whose fault it was, if it was one: caller, callee, edge, engine, network. A reason of ours
is chosen by the code that closes the call; a reason of the other side is read from its SIP status.
"""

from __future__ import annotations

import enum
from collections.abc import Mapping
from typing import Final, Literal, TypeAlias

import msgspec

from sipua.sip.messages import CallEnded, EndedBy

Status: TypeAlias = Literal[
    "completed", "busy", "no_answer", "canceled", "rejected", "redirected", "failed"
]
By: TypeAlias = Literal["caller", "callee", "agent", "operator", "edge", "network"]
Fault: TypeAlias = Literal["caller", "callee", "edge", "engine", "network"]


class Reason(enum.StrEnum):
    # By the other side.
    HANGUP = "hangup"
    CANCELED = "canceled"
    BUSY = "busy"
    DECLINED = "declined"
    NO_ANSWER = "no_answer"
    NOT_FOUND = "not_found"
    MOVED = "moved"
    REJECTED = "rejected"
    PEER_ERROR = "peer_error"
    # By agent, operator or configuration.
    AGENT_HANGUP = "agent_hangup"
    OPERATOR_HANGUP = "operator_hangup"
    TRANSFERRED = "transferred"
    REDIRECTED = "redirected"
    MAX_DURATION = "max_duration"
    RING_TIMEOUT = "ring_timeout"
    SHUTDOWN = "shutdown"
    # By a fault.
    ENGINE_UNREACHABLE = "engine_unreachable"
    ENGINE_LOST = "engine_lost"
    MEDIA_TIMEOUT = "media_timeout"
    NO_ACK = "no_ack"
    SESSION_EXPIRED = "session_expired"
    UNREACHABLE = "unreachable"
    SIGNALLING_LOST = "signalling_lost"
    WORKER_DIED = "worker_died"
    INTERNAL_ERROR = "internal_error"


_OURS: Final[Mapping[Reason, tuple[By, Fault | None]]] = {
    Reason.AGENT_HANGUP: ("agent", None),
    Reason.OPERATOR_HANGUP: ("operator", None),
    Reason.TRANSFERRED: ("agent", None),
    Reason.REDIRECTED: ("edge", "engine"),
    Reason.MAX_DURATION: ("edge", None),
    Reason.RING_TIMEOUT: ("edge", "edge"),
    Reason.NO_ANSWER: ("edge", "callee"),
    Reason.SHUTDOWN: ("edge", "edge"),
    Reason.ENGINE_UNREACHABLE: ("edge", "engine"),
    Reason.ENGINE_LOST: ("edge", "engine"),
    Reason.MEDIA_TIMEOUT: ("edge", "network"),
    Reason.SIGNALLING_LOST: ("edge", "edge"),
    Reason.WORKER_DIED: ("edge", "edge"),
    Reason.INTERNAL_ERROR: ("edge", "edge"),
}
"""Who closes the call, and whose fault it is, where we close it."""

_STATUSES: Final[Mapping[Reason, Status]] = {
    Reason.CANCELED: "canceled",
    Reason.BUSY: "busy",
    Reason.NO_ANSWER: "no_answer",
    Reason.RING_TIMEOUT: "no_answer",
    Reason.DECLINED: "rejected",
    Reason.REJECTED: "rejected",
    Reason.NOT_FOUND: "rejected",
    Reason.REDIRECTED: "redirected",
}
"""Of a call that was not answered; every other reason: failed."""

_REFUSALS: Final[Mapping[int, Reason]] = {
    404: Reason.NOT_FOUND,
    408: Reason.NO_ANSWER,
    410: Reason.NOT_FOUND,
    480: Reason.NO_ANSWER,
    484: Reason.NOT_FOUND,
    486: Reason.BUSY,
    487: Reason.CANCELED,
    600: Reason.BUSY,
    603: Reason.DECLINED,
    604: Reason.NOT_FOUND,
    607: Reason.DECLINED,
}


class SipEnd(msgspec.Struct, frozen=True):
    status: int
    reason: str


class End(msgspec.Struct, frozen=True, omit_defaults=True):
    by: By
    reason: Reason
    fault: Fault | None = None
    """None: nothing went wrong."""
    detail: str = ""
    """In words, for a person."""
    sip: SipEnd | None = None
    """The last status of signalling."""


def ours(reason: Reason, detail: str = "") -> End:
    """An end that we decide, before signalling has told it."""
    by, fault = _OURS[reason]
    return End(by, reason, fault, detail)


def told(outcome: CallEnded | None, decided: End | None, *, incoming: bool, answered: bool) -> End:
    """The end of a call that signalling has told; `decided`: what we had decided before."""
    sip = None if outcome is None else SipEnd(outcome.status, outcome.reason)
    if decided is not None:
        return msgspec.structs.replace(decided, sip=sip)
    if outcome is None:
        by, fault = _OURS[Reason.SHUTDOWN]
        return End(by, Reason.SHUTDOWN, fault, "stopped")
    by, reason, fault = _of_signalling(outcome, incoming=incoming, answered=answered)
    return End(by, reason, fault, outcome.reason, sip)


def status(end: End, *, answered: bool) -> Status:
    return "completed" if answered else _STATUSES.get(end.reason, "failed")


def _of_signalling(
    outcome: CallEnded, *, incoming: bool, answered: bool
) -> tuple[By, Reason, Fault | None]:
    peer: Literal["caller", "callee"] = "caller" if incoming else "callee"
    match outcome.by:
        case EndedBy.NETWORK if incoming and not answered:
            return "network", Reason.NO_ACK, "network"
        case EndedBy.NETWORK:
            return "network", Reason.UNREACHABLE, "network"
        case EndedBy.US if answered:
            # By pjsip itself, for us: the peer did not refresh the session (RFC 4028).
            return "edge", Reason.SESSION_EXPIRED, "network"
        case EndedBy.US:
            return "edge", Reason.INTERNAL_ERROR, "edge"
        case EndedBy.PEER if answered:
            return peer, Reason.HANGUP, None
        case EndedBy.PEER if incoming:
            return "caller", Reason.CANCELED, None
    reason = _REFUSALS.get(outcome.status)
    if reason is None:
        if 300 <= outcome.status < 400:
            reason = Reason.MOVED
        else:
            reason = Reason.REJECTED if outcome.status < 500 else Reason.PEER_ERROR
    return "callee", reason, "network" if reason is Reason.PEER_ERROR else "callee"
