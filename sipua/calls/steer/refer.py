"""A blind transfer: REFER out, its progress in, one outcome (RFC 3515, RFC 5589 section 6).

    transfer ─REFER─▶ 202 ─▶ NOTIFY 100, 180 … ─▶ NOTIFY 200    done: we hang up
                 │                              └▶ NOTIFY 486 …  failed: the call goes on
                 └▶ 405, 501, 603 …  the peer refuses transfers: the call goes on

No clock and no I/O. `CallTransfer` (transfer.py) asks for the REFER and waits, `PjCall.refer`
(sipua/sip/pj/call.py) sends it.
"""

from __future__ import annotations

from typing import Final

from sipua.calls.legs.outcome import TransferOutcome, cause_of, failed
from sipua.config.values.uri import UriError, check_target, is_number
from sipua.sip.messages import (
    EndedBy,
)
from sipua.sip.wire.transfer_messages import (
    TransferDone,
    TransferFailed,
    TransferNews,
    TransferProgress,
)

TIMEOUT_S = 30.0
"""From the REFER to its outcome: as long as a phone rings."""
REFUSALS: Final = frozenset({400, 403, 405, 420, 481, 488, 489, 500, 501, 503, 603, 606})
"""Answers to the REFER itself that say nothing of the target: the peer does not transfer."""


class TransferAttempt:
    def __init__(self) -> None:
        self.accepted = False
        self.outcome: TransferOutcome | None = None

    def on_news(self, news: TransferNews) -> None:
        if self.outcome is not None:
            return
        match news:
            case TransferProgress():
                self.accepted = True
            case TransferDone():
                self.outcome = TransferOutcome(ok=True, status=news.status, reason=news.reason)
            case TransferFailed():
                self.outcome = TransferOutcome(
                    ok=False,
                    status=news.status,
                    reason=news.reason,
                    cause=cause_of(news.status),
                    refused=not self.accepted and news.status in REFUSALS,
                    accepted=self.accepted,
                )

    def on_ended(self, by: EndedBy) -> None:
        """Many peers hang up once they have the target, without a last NOTIFY."""
        if self.outcome is None:
            self.outcome = (
                TransferOutcome(ok=True, status=202, reason="the peer has taken the call")
                if self.accepted and by is EndedBy.PEER
                else failed(487, "the call is over", "caller_left")
            )


def target_uri(target: str, peer: str) -> str:
    """The target's URI; a number becomes a user at the peer. Raises UriError for anything else."""
    check_target(target)
    if not is_number(target):
        return target
    number = target.removeprefix("tel:")
    if not peer:
        raise UriError("is a number without a host", f"sip:{number}@HOST")
    return f"sip:{number.replace('#', '%23')}@{peer}"
