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
By: TypeAlias = Literal["caller", "callee", "target", "agent", "operator", "edge", "network"]
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
    TARGET_HANGUP = "target_hangup"
    # By agent, operator or configuration.
    AGENT_HANGUP = "agent_hangup"
    OPERATOR_HANGUP = "operator_hangup"
    TRANSFERRED = "transferred"
    REDIRECTED = "redirected"
    FORWARD_FAILED = "forward_failed"
    MENU = "menu"
    QUEUE = "queue"
    CLOSED = "closed"
    MACHINE = "machine"
    MAX_DURATION = "max_duration"
    RING_TIMEOUT = "ring_timeout"
    SHUTDOWN = "shutdown"
    # By a fault.
    ENGINE_BUSY = "engine_busy"
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
    Reason.TARGET_HANGUP: ("target", None),
    Reason.FORWARD_FAILED: ("target", None),
    Reason.MENU: ("edge", None),
    Reason.QUEUE: ("edge", None),
    Reason.CLOSED: ("edge", None),
    Reason.MACHINE: ("edge", None),
    Reason.MAX_DURATION: ("edge", None),
    Reason.RING_TIMEOUT: ("edge", "edge"),
    Reason.NO_ANSWER: ("edge", "callee"),
    Reason.SHUTDOWN: ("edge", "edge"),
    Reason.ENGINE_BUSY: ("edge", None),
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
    Reason.OPERATOR_HANGUP: "canceled",
    Reason.BUSY: "busy",
    Reason.QUEUE: "busy",
    Reason.ENGINE_BUSY: "busy",
    Reason.CLOSED: "rejected",
    Reason.NO_ANSWER: "no_answer",
    Reason.RING_TIMEOUT: "no_answer",
    Reason.DECLINED: "rejected",
    Reason.REJECTED: "rejected",
    Reason.NOT_FOUND: "rejected",
    Reason.REDIRECTED: "redirected",
}
"""Of a call that was not answered; every other reason: failed."""

_TIMEOUT: Final = 408

_CHALLENGES: Final = (401, 407)
"""A refusal that our credentials did not prevent: it is ours to mend."""

_REFUSALS: Final[Mapping[int, Reason]] = {
    404: Reason.NOT_FOUND,
    408: Reason.NO_ANSWER,
    410: Reason.NOT_FOUND,
    480: Reason.NO_ANSWER,
    484: Reason.NOT_FOUND,
    486: Reason.BUSY,
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
    """The last status of signalling; None: there was none."""


def ours(reason: Reason, detail: str = "", by: By | None = None) -> End:
    """An end that we decide, before signalling has told it. `by`: None, as usual."""
    usual, fault = _OURS[reason]
    return End(by or usual, reason, fault, detail)


def told(outcome: CallEnded | None, decided: End | None, *, incoming: bool, answered: bool) -> End:
    """The end of a call. `outcome`: what signalling has told; None: nothing, the process stops.
    `decided`: what we had decided before.

    Our decision is the end unless signalling says that the other side, or the network, was first:
    their BYE crossed our hang-up. After a transfer the other side hangs up because we asked it to.
    """
    if outcome is None:
        return decided or ours(Reason.SHUTDOWN, "stopped")
    sip = SipEnd(outcome.status, outcome.reason) if outcome.status else None
    if decided is not None and (outcome.by is EndedBy.US or decided.reason is Reason.TRANSFERRED):
        return msgspec.structs.replace(decided, sip=sip)
    by, reason, fault = _of_signalling(outcome, incoming=incoming, answered=answered)
    return End(by, reason, fault, outcome.reason, sip)


def status(end: End, *, answered: bool) -> Status:
    return "completed" if answered else _STATUSES.get(end.reason, "failed")


def _of_signalling(
    outcome: CallEnded, *, incoming: bool, answered: bool
) -> tuple[By, Reason, Fault | None]:
    peer: Literal["caller", "callee"] = "caller" if incoming else "callee"
    match outcome.by:
        case EndedBy.US:
            # Not decided by the call: signalling itself failed, or could not reach its worker.
            return "edge", Reason.INTERNAL_ERROR, "edge"
        case EndedBy.NETWORK if outcome.status != _TIMEOUT:
            return "network", Reason.UNREACHABLE, "network"
        case EndedBy.NETWORK if answered:
            # pjsip hangs up, when the session was not refreshed (RFC 4028, 10).
            return "edge", Reason.SESSION_EXPIRED, "network"
        case EndedBy.NETWORK if incoming:
            return "edge", Reason.NO_ACK, "network"
        case EndedBy.NETWORK:
            return "network", Reason.UNREACHABLE, "network"
        case EndedBy.PEER if answered:
            return peer, Reason.HANGUP, None
        case EndedBy.PEER if incoming:
            return "caller", Reason.CANCELED, None
        case EndedBy.PEER:
            return _of_refusal(outcome.status)


def _of_refusal(status: int) -> tuple[By, Reason, Fault]:
    if status in _CHALLENGES:
        return "callee", Reason.REJECTED, "edge"
    if reason := _REFUSALS.get(status):
        return "callee", reason, "callee"
    if 300 <= status < 400:
        return "callee", Reason.MOVED, "callee"
    if 500 <= status < 600:
        return "callee", Reason.PEER_ERROR, "network"
    return "callee", Reason.REJECTED, "callee"
