"""The answers to INVITEs that were proved by a password and refused all the same.

A proof counts once, and such a refusal leaves no transaction: without this the retransmission of a
refused INVITE would be a used nonce, and get 401 where the first one got 404. What was let in is
not here: pjsip knows its retransmissions, and a copy that comes later is none.
"""

from __future__ import annotations

from typing import Final, TypeAlias

from sipua.sip.admission.admission import Refusal
from sipua.sip.wire.texts import Message

RETRANSMITTED_S: Final = 32.0
"""64 * T1: so long a client repeats an INVITE (RFC 3261 17.1.1.2)."""
MOST: Final = 1024
"""Beyond it the oldest are forgotten: their retransmissions are asked for a password again."""

_Transaction: TypeAlias = tuple[str, str | None, str | None, str | None]


class RefusedProofs:
    """Pure: `now` is passed in."""

    def __init__(self) -> None:
        self._answers: dict[_Transaction, tuple[float, Refusal]] = {}
        """Until when, the oldest first."""

    def answer(self, invite: Message, source: str, now: float) -> Refusal | None:
        """What the same INVITE has got; None: it was not here, or was not refused."""
        until, refusal = self._answers.get(_transaction(invite, source), (now, None))
        return refusal if now < until else None

    def note(self, invite: Message, source: str, refusal: Refusal, now: float) -> None:
        transaction = _transaction(invite, source)
        self._answers.pop(transaction, None)
        self._answers[transaction] = now + RETRANSMITTED_S, refusal
        while len(self._answers) > MOST or next(iter(self._answers.values()))[0] <= now:
            del self._answers[next(iter(self._answers))]


def _transaction(invite: Message, source: str) -> _Transaction:
    """The whole Via has the branch: a retransmission is the same to the letter."""
    return source, invite.header("Call-ID"), invite.header("CSeq"), invite.header("Via")
