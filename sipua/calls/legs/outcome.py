"""The outcome of a transfer: a closed list of causes, and what SIP said."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, Literal, TypeAlias

from sipua.calls.legs.modes import Mode
from sipua.events import call_events
from sipua.events.event import Event

Cause: TypeAlias = Literal[
    "busy",
    "no_answer",
    "rejected",
    "unreachable",
    "unsupported",
    "caller_left",
    "target_left",
    "declined",
    "accept_timeout",
    "voicemail",
    "limit",
    "invalid",
    "internal",
]
"""Why a transfer failed. `target_left`: the target answered and hung up at once. `declined`,
`accept_timeout`, `voicemail`: it was briefed, and has not taken the call. `limit`: another transfer
is under way, or there is no room for a leg."""

RETRYABLE: Final[frozenset[Cause]] = frozenset(
    {"busy", "no_answer", "accept_timeout", "voicemail", "limit"}
)
"""The same target may be reached a little later."""

IN_WORDS: Final[Mapping[Cause, str]] = {
    "busy": "the line is busy",
    "no_answer": "nobody answered",
    "rejected": "the call was declined",
    "unreachable": "the number could not be reached",
    "unsupported": "the call could not be transferred",
    "caller_left": "the caller has hung up",
    "target_left": "the other side answered and hung up at once",
    "declined": "the other side cannot take the call now",
    "accept_timeout": "somebody answered, but did not take the call",
    "voicemail": "only a voicemail system answered",
    "limit": "it is not possible at the moment",
    "invalid": "the number is not valid",
    "internal": "of a technical problem",
}
"""For a model, which tells the caller."""

_CAUSES: Final[Mapping[int, Cause]] = {
    401: "rejected",
    403: "rejected",
    405: "unsupported",
    407: "rejected",
    408: "no_answer",
    415: "unsupported",
    416: "invalid",
    420: "unsupported",
    480: "no_answer",
    486: "busy",
    487: "no_answer",
    488: "unsupported",
    491: "limit",
    501: "unsupported",
    600: "busy",
    603: "rejected",
    606: "unsupported",
    607: "rejected",
    608: "rejected",
}


@dataclass(frozen=True, slots=True)
class TransferOutcome:
    """`status` is SIP's; `reason` is for a log, or for a model to explain."""

    ok: bool
    status: int
    reason: str
    cause: Cause | None = None
    """None: it succeeded."""
    mode: Mode = "refer"
    refused: bool = False
    """The peer takes no REFER at all."""
    accepted: bool = False
    """It has taken the REFER; the status is that of the call to the target."""
    phases: Mapping[str, int] = field(default_factory=dict)
    """Milliseconds from its begin to each phase that it reached."""


def cause_of(status: int) -> Cause:
    """What a final status of SIP says about the target."""
    return _CAUSES.get(status, "unreachable")


def failed(
    status: int, reason: str, cause: Cause | None = None, mode: Mode = "refer"
) -> TransferOutcome:
    return TransferOutcome(False, status, reason, cause or cause_of(status), mode)


def told(target: str, outcome: TransferOutcome) -> Event:
    """The event of it."""
    phases = dict(outcome.phases) or None
    if outcome.ok:
        return call_events.Transferred(
            target=target,
            status=outcome.status,
            reason=outcome.reason,
            mode=outcome.mode,
            phases_ms=phases,
        )
    return call_events.TransferFailed(
        target=target,
        status=outcome.status,
        reason=outcome.reason,
        mode=outcome.mode,
        cause=outcome.cause or "internal",
        retryable=outcome.cause in RETRYABLE,
        phases_ms=phases,
    )
