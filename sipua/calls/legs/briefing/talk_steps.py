"""A target talks with an agent before it has the caller, step by step. No I/O, no clock.

    greeting ── it has finished, or says nothing ─▶ talking ── a tool ─▶ said to its end ─▶ over
        └────────── the agent says nothing in time ────┴─▶ over: the text, in its place

The target speaks first. An engine that takes turns answers it by itself, and is asked to speak only
where it does not. What the agent decides is done when its last sentence has been heard, and never
before a person was: a machine that says yes has not taken a call.
"""

from __future__ import annotations

import enum
from typing import Final, Literal, TypeAlias

from sipua.calls.legs.briefing.steps import LONGEST_GREETING_S, SAYS_NOTHING_S

ANSWERS_WITHIN_MS: Final = 1500
"""Behind the target's hello, in which an engine that takes turns answers by itself."""
AGENT_BEGINS_S: Final = 8.0
"""From the target's answer to the agent's first word."""
LAST_SENTENCE_S: Final = 6.0
"""So long what the agent says may go on when it has decided."""

Decided: TypeAlias = Literal["accepted", "declined"]
State: TypeAlias = Literal["greeting", "talking", "over"]


class TalkAct(enum.Enum):
    OPEN = "open"
    """Ask the agent to speak."""
    TEXT = "text"
    """There is no agent: the target hears the text."""
    ACCEPT = "accept"
    DECLINE = "decline"


class TalkSteps:
    """One target's, from its answer on."""

    def __init__(self, now: float) -> None:
        self.state: State = "greeting"
        self.decided: Decided | None = None
        self._decided_s = 0.0
        self._answered_s = now
        self._began = False

    def tick(
        self,
        now: float,
        *,
        quiet_ms: int,
        spoke: bool,
        person: bool,
        ready: bool,
        owes: bool,
        speaking: bool,
    ) -> TalkAct | None:
        """`quiet_ms`: since the target's last word; `spoke`: whether there was one; `person`: that
        it was a person's. `ready`: the agent can be asked; `owes`: it is about to answer, or does;
        `speaking`: something of it is to be heard."""
        if self.state == "over":
            return None
        waited_s = now - self._answered_s
        if self.decided is not None:
            return self._end(now, person=person, speaking=speaking)
        if not self._began and waited_s >= AGENT_BEGINS_S:
            return self.give_up()
        if self.state == "greeting" and ready:
            finished = spoke and quiet_ms >= ANSWERS_WITHIN_MS
            silent = not spoke and waited_s >= SAYS_NOTHING_S
            if finished or silent or waited_s >= LONGEST_GREETING_S or self._began or owes:
                self.state = "talking"
                return None if self._began or owes else TalkAct.OPEN
        return None

    def began(self) -> None:
        """The agent's first word."""
        self._began = True

    def decide(self, decided: Decided, now: float) -> None:
        """By the agent. It may think again."""
        self.decided, self._decided_s = decided, now

    def give_up(self) -> TalkAct | None:
        """There is no agent, or none any more."""
        if self.state == "over":
            return None
        self.state = "over"
        return TalkAct.TEXT

    def _end(self, now: float, *, person: bool, speaking: bool) -> TalkAct | None:
        if speaking and now - self._decided_s < LAST_SENTENCE_S:
            return None
        if self.decided == "accepted" and not person:
            return None
        self.state = "over"
        return TalkAct.ACCEPT if self.decided == "accepted" else TalkAct.DECLINE
