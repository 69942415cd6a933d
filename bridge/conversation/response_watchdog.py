"""What to do about a model that lets its own turn pass. Whose turn it is, `TurnState` knows.

    the caller's ──(turn ended, tool's result, we asked)──▶ the model's ──(response done)──▶ …
                                                              │ each sign of life: anew
                                                              │ `filler_after_s` without one:
                                                              │ the caller hears a filler
                                                              └ `silent_after_s` without one:
        1st  nudge (cancel what hangs, ask again)          from the 2nd on  another session

A response that ends without a word is an answer. One that failed is asked for again, with
back-off, a few times; after that the engine is taken for lost. Engines that do not tell where a
response begins and ends have answered with their first sign of life.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

from sipua.bridge.backoff import BackOff
from sipua.bridge.conversation.policy import DialoguePolicy
from sipua.bridge.engine_api.events import (
    AudioDone,
    Event,
    ResponseStarted,
    ServerTool,
    SpeechStarted,
    ToolCall,
    Transcript,
)
from sipua.bridge.turns.state import TurnState

_NEVER: Final = float("inf")


@dataclass(frozen=True, slots=True)
class Ask:
    """Ask for a response; `instructions` as the one that failed had them."""

    instructions: str | None


@dataclass(frozen=True, slots=True)
class Silent:
    waited_ms: int
    action: Literal["waiting", "nudged", "reconnecting"]


Action: TypeAlias = Ask | Silent


class ResponseWatchdog:
    """One call's. What happens is told to the `TurnState` first, then here."""

    __slots__ = (
        "_ask_at",
        "_backoff",
        "_failures",
        "_filled",
        "_filler_after_s",
        "_instructions",
        "_retries",
        "_silent_after_s",
        "_strikes",
        "_turns",
        "proven",
    )

    def __init__(
        self, policy: DialoguePolicy, random: Callable[[], float], turns: TurnState
    ) -> None:
        self._silent_after_s = policy.silent_after_s or _NEVER
        self._filler_after_s = policy.filler_after_s or _NEVER
        self._retries = policy.response_retries
        self._backoff = BackOff(max(policy.backoff_s * 2, 0.0), policy.backoff_max_s * 2, random)
        self._turns = turns
        self._ask_at = _NEVER  # while the debt is for later
        self._instructions: str | None = None
        self._filled = False  # the caller hears that we wait
        self._strikes = 0
        self._failures = 0
        self.proven = False
        """The session in use has said something."""

    @property
    def instructions(self) -> str | None:
        """What it was last asked to say, if it has not said it."""
        return self._instructions

    @property
    def due(self) -> float:
        turns = self._turns
        if turns.debt == "none":
            return _NEVER
        if turns.debt == "later":
            return self._ask_at
        wait_s = self._silent_after_s
        if not self._filled:
            wait_s = min(wait_s, self._filler_after_s)
        return turns.alive_s + wait_s

    def asked(self, instructions: str | None = None) -> None:
        """The model's turn begins."""
        self._ask_at = _NEVER
        self._instructions = instructions

    def follow(self, event: Event) -> None:
        """What an event says by itself about the model's turn."""
        match event:
            case AudioDone() | ToolCall() | ServerTool() | Transcript(role="assistant"):
                self.sign()
            case SpeechStarted():
                self.callers_turn()
            case ResponseStarted():
                self.started()

    def sign(self) -> None:
        """Audio, words, a tool at work."""
        self.proven = True
        self._strikes = 0
        self._filled = False
        if self._turns.debt == "none":
            self._instructions = None

    def started(self) -> None:
        """A response began."""
        if self._ask_at != _NEVER:
            self.asked()  # it is another one than the one that was to be asked for again

    def callers_turn(self) -> None:
        """The caller speaks, or is to speak next."""
        self._ask_at = _NEVER
        self._instructions = None
        self._filled = False

    def done(self, status: str, now: float) -> bool:
        """A response ended. False: it failed too often."""
        if status == "cancelled":
            return True  # by the caller, who has the turn already, or by our nudge
        if status != "failed":
            self.proven = True
            self._strikes = self._failures = 0
            self._backoff.reset()
            if self._turns.debt == "none":
                self.callers_turn()
            return True
        if self._turns.debt != "later" or self._ask_at != _NEVER:
            return True  # the caller speaks by now, or the next response is asked for already
        self._failures += 1
        if self._failures > self._retries:
            return False
        self._ask_at = now + self._backoff.next_s()
        return True

    def session_ended(self) -> None:
        """Nothing is waited for, until another session is there."""
        self.callers_turn()
        self._failures = 0
        self._backoff.reset()
        self.proven = False

    def check(self, now: float) -> Action | None:
        """What is due. After a nudge `asked` has to come, after `reconnecting` `session_ended`."""
        turns = self._turns
        if turns.debt == "later" and now >= self._ask_at:
            self._ask_at = _NEVER
            return Ask(self._instructions)
        if turns.debt != "owed":
            return None
        waited_ms = round((now - turns.owed_since_s) * 1000)
        if now < turns.alive_s + self._silent_after_s:
            if self._filled or now < turns.alive_s + self._filler_after_s:
                return None
            self._filled = True
            return Silent(waited_ms, "waiting")
        self._strikes += 1
        return Silent(waited_ms, "nudged" if self._strikes == 1 else "reconnecting")
