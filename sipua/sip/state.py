"""The life of one call as a table: state x event -> state (RFC 3261 sections 13 to 15).

pjsip keeps its own INVITE session; this table is what *we* may do and report at each moment, so
that a command that crosses a message of the peer (CANCEL against our 200, BYE against our BYE)
is refused here and not inside the library. A missing entry means: ignore, the race was lost.
"""

from __future__ import annotations

import enum

LONGEST_TRANSACTION_S = 32.0
"""64*T1 (RFC 3261 17): a request without an answer by then gets none. An end may take so long,
and a 200 waits so long for its ACK (13.3.1.4).
"""


class CallState(enum.StrEnum):
    OFFERED = "offered"  # INVITE in, 100 sent
    RINGING = "ringing"  # 180 sent
    EARLY = "early"  # 183 with our answer sent: the caller hears us
    ANSWERED = "answered"  # 200 sent, ACK awaited
    CALLING = "calling"  # our INVITE was sent
    PROCEEDING = "proceeding"  # 180 or 183 came back
    CONFIRMED = "confirmed"
    ENDING = "ending"  # BYE, CANCEL or final refusal sent
    ENDED = "ended"


class CallInput(enum.StrEnum):
    RING = "ring"
    EARLY = "early"
    ANSWER = "answer"
    HANGUP = "hangup"
    PROVISIONAL = "provisional"
    ACKNOWLEDGED = "acknowledged"
    DISCONNECTED = "disconnected"


S, E = CallState, CallInput

TRANSITIONS: dict[tuple[CallState, CallInput], CallState] = {
    # A call that came in. RFC 3261 13.3.1
    (S.OFFERED, E.RING): S.RINGING,
    (S.OFFERED, E.EARLY): S.EARLY,
    (S.RINGING, E.EARLY): S.EARLY,
    (S.OFFERED, E.ANSWER): S.ANSWERED,
    (S.RINGING, E.ANSWER): S.ANSWERED,
    (S.EARLY, E.ANSWER): S.ANSWERED,
    (S.ANSWERED, E.ACKNOWLEDGED): S.CONFIRMED,  # 13.3.1.4
    # A call that we place. 13.2.2
    (S.CALLING, E.PROVISIONAL): S.PROCEEDING,
    (S.PROCEEDING, E.PROVISIONAL): S.PROCEEDING,
    (S.CALLING, E.ACKNOWLEDGED): S.CONFIRMED,
    (S.PROCEEDING, E.ACKNOWLEDGED): S.CONFIRMED,
    # Ending: a refusal, a CANCEL (9.1) or a BYE (15), by either side.
    (S.OFFERED, E.HANGUP): S.ENDING,
    (S.RINGING, E.HANGUP): S.ENDING,
    (S.EARLY, E.HANGUP): S.ENDING,
    (S.ANSWERED, E.HANGUP): S.ENDING,
    (S.CALLING, E.HANGUP): S.ENDING,
    (S.PROCEEDING, E.HANGUP): S.ENDING,
    (S.CONFIRMED, E.HANGUP): S.ENDING,
    (S.OFFERED, E.DISCONNECTED): S.ENDED,
    (S.RINGING, E.DISCONNECTED): S.ENDED,
    (S.EARLY, E.DISCONNECTED): S.ENDED,
    (S.ANSWERED, E.DISCONNECTED): S.ENDED,  # CANCEL came too late, or no ACK for 64*T1
    (S.CALLING, E.DISCONNECTED): S.ENDED,
    (S.PROCEEDING, E.DISCONNECTED): S.ENDED,
    (S.CONFIRMED, E.DISCONNECTED): S.ENDED,
    (S.ENDING, E.DISCONNECTED): S.ENDED,
}


def advance(state: CallState, event: CallInput) -> CallState | None:
    """The next state, or None when this event has no meaning in this state."""
    return TRANSITIONS.get((state, event))
