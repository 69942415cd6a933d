"""What a target hears before it has the caller, step by step. No I/O, no clock.

    greeting ── it has finished, or says nothing ─┬▶ speaking ── heard ─▶ deciding
                                                  │     ▲                   │   └ by key: the keys
                                                  └▶ model ── begins ───────┘     again, every 6 s
                                                        └ not in time: the text

The target speaks first, as on each call that rings: a briefing that begins at once is not heard.
A key counts at any time.
"""

from __future__ import annotations

import enum
import math
from typing import Final, Literal, TypeAlias

LONGEST_GREETING_S: Final = 4.0
SAYS_NOTHING_S: Final = 1.0
FINISHED_MS: Final = 500
"""Silence behind what the target said."""
MODEL_BEGINS_S: Final = 2.5
"""So long the model may take for its first word."""
MODEL_SPEAKS_S: Final = 20.0
"""So long it may speak."""
AGAIN_S: Final = 6.0

State: TypeAlias = Literal["greeting", "model", "speaking", "deciding"]


class Act(enum.Enum):
    ASK_MODEL = "ask the model"
    LET_MODEL = "let the model be heard"
    END_MODEL = "end the model"
    SPEAK = "speak"
    """The text, and the keys."""
    KEYS = "keys"
    """The keys, once more."""
    ACCEPT = "accept"


class BriefingSteps:
    """One target's, from its answer on."""

    def __init__(self, now: float, *, by_model: bool, by_key: bool) -> None:
        self.state: State = "greeting"
        self._by_model = by_model
        self._by_key = by_key
        self._since = now
        self._model_began = False
        self._model_until = math.inf

    def tick(self, now: float, *, quiet_ms: int, spoke: bool, person: bool) -> Act | None:
        """`quiet_ms`: since its last word; `spoke`: whether there was one. `person`: it is none of
        those that are hung up on, as far as can be told."""
        waited_s = now - self._since
        match self.state:
            case "greeting":
                finished = spoke and quiet_ms >= FINISHED_MS
                silent = not spoke and waited_s >= SAYS_NOTHING_S
                if finished or silent or waited_s >= LONGEST_GREETING_S:
                    return self._begin(now)
            case "model":
                if self._model_began:
                    self._model_until = now + MODEL_SPEAKS_S
                    self._go("speaking", now)
                    return Act.LET_MODEL
                if waited_s >= MODEL_BEGINS_S:
                    self._go("speaking", now)
                    return Act.SPEAK
            case "speaking":
                if now >= self._model_until:
                    self._model_until = math.inf
                    return Act.END_MODEL
            case "deciding":
                if not self._by_key:
                    return Act.ACCEPT if person else None
                if waited_s >= AGAIN_S:
                    self._go("speaking", now)
                    return Act.KEYS
        return None

    def model_began(self) -> None:
        self._model_began = True

    def model_ended(self) -> None:
        self._model_until = math.inf

    def heard(self, now: float) -> None:
        """What was to be said has been heard to its end."""
        if self.state == "speaking":
            self._go("deciding", now)

    def _begin(self, now: float) -> Act:
        self._go("model" if self._by_model else "speaking", now)
        return Act.ASK_MODEL if self._by_model else Act.SPEAK

    def _go(self, state: State, now: float) -> None:
        self.state, self._since = state, now
