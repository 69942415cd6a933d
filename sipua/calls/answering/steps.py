"""What follows from what is found out about who answered. No I/O, no clock.

    judging ── person ─────────────────────────────▶ agent
       │  └── `wait_s` of silence, no verdict ─────▶ agent       the verdict may still come
       ├── machine, on_voicemail = "agent" ────────▶ agent       it is told what it talks with
       ├── machine, on_voicemail = "message" ──▶ waiting ── beep, 2 s silence, 30 s ──▶ message
       │                                            ▲                                     │
       │                                            └── it speaks on for 2 s ─────────────┤
       │                                  agent ◀── a person speaks into the message ─────┤
       └── fax, "hangup", a dead number ──▶ over ◀── the message is left ──────────────┘

A beep that comes when the message has begun without one makes it begin again. A machine that is
found while the agent talks is a machine all the same.
"""

from __future__ import annotations

import enum
from typing import Final, Literal, TypeAlias

from sipua.bridge.answering.verdict import MACHINES, AnsweredBy, Beep, Finding
from sipua.calls.answering.policy import AnsweringPolicy

MESSAGE_SILENCE_MS: Final = 2000
"""Of a machine that has spoken: the message begins without a beep."""
MESSAGE_LIMIT_S: Final = 30.0
"""Since the verdict: the message begins, whatever is heard."""
SPEAKS_ON_MS: Final = 2000
"""So long nobody speaks into a message: it is the greeting, which has not ended."""
_BEEP_AGAIN_S = 1.5
"""A second beep so soon is a part of the first one."""
_DEAD: Final = frozenset({"sit", "busy_tone"})

State: TypeAlias = Literal["judging", "agent", "waiting", "message", "over"]
After: TypeAlias = Literal["beep", "silence", "limit"]


class Act(enum.Enum):
    SPEAK = "speak"
    """The agent may speak; a verdict may still come."""
    PERSON = "person"
    """The agent speaks: with a person."""
    AGENT = "agent"
    """The agent listens to a machine, and is told so."""
    PREPARE = "prepare"
    """A message will be left: it must be ready."""
    MESSAGE = "message"
    """The message begins, again if it had begun."""
    STOP = "stop"
    """The message ends, and will begin again."""
    HANG_UP = "hang up"


class Steps:
    """One call's, from the answer on."""

    def __init__(self, policy: AnsweringPolicy) -> None:
        self._policy = policy
        self.state: State = "judging"
        self.after: After = "beep"
        """What the message has begun after."""
        self._since_s = 0.0
        self._beeped = False

    def found(self, finding: Finding, now: float) -> Act | None:
        if isinstance(finding, Beep):
            return self._beep(now)
        if finding.verdict in MACHINES:
            return self._machine(finding, now)
        if finding.verdict == "fax":
            return self._over()
        if finding.verdict == "person":
            heard = self.state in ("judging", "message")
            return self._go("agent", now, Act.PERSON) if heard else None
        return self._go("agent", now, Act.SPEAK) if self.state == "judging" else None

    def tick(self, now: float, *, quiet_ms: int, spoken_ms: int) -> Act | None:
        """`quiet_ms`: since the other side's last word, 0 while it speaks. `spoken_ms`: how long it
        speaks, since the message began."""
        match self.state:
            case "judging" if quiet_ms >= self._policy.wait_s * 1000:
                return self._go("agent", now, Act.SPEAK)
            case "waiting" if self._beeped:
                return self._message("beep", now)
            case "waiting" if quiet_ms >= MESSAGE_SILENCE_MS:
                return self._message("silence", now)
            case "waiting" if now - self._since_s >= MESSAGE_LIMIT_S:
                return self._message("limit", now)
            case "message" if spoken_ms >= SPEAKS_ON_MS and self.after != "limit":
                return self._go("waiting", now, Act.STOP)
        return None

    def message_left(self) -> Act | None:
        return self._over() if self.state == "message" else None

    def _machine(self, finding: AnsweredBy, now: float) -> Act | None:
        if self.state in ("waiting", "message", "over"):
            return None
        wanted = self._policy.on_voicemail
        if wanted == "agent":
            return self._go("agent", now, Act.AGENT)
        if wanted == "hangup" or finding.cause in _DEAD:
            return self._over()
        return self._go("waiting", now, Act.PREPARE)

    def _beep(self, now: float) -> Act | None:
        if self.state == "message":
            early = now - self._since_s < _BEEP_AGAIN_S
            return self._message("beep", now) if early or self.after != "beep" else None
        self._beeped = True
        return self._message("beep", now) if self.state == "waiting" else None

    def _message(self, after: After, now: float) -> Act:
        self.after, self._beeped = after, False
        return self._go("message", now, Act.MESSAGE)

    def _over(self) -> Act | None:
        if self.state == "over":
            return None
        self.state = "over"
        return Act.HANG_UP

    def _go(self, state: State, now: float, act: Act) -> Act:
        self.state, self._since_s = state, now
        return act
