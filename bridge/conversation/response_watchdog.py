"""Whose turn it is, and what to do about a model that lets its own pass.

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
from sipua.bridge.conversation.recovery import DialoguePolicy
from sipua.bridge.engine_api.events import (
    AudioDone,
    Event,
    ResponseStarted,
    ServerTool,
    SpeechStarted,
    ToolCall,
    Transcript,
)

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
    __slots__ = (
        "_ask_at",
        "_asked_meanwhile",
        "_backoff",
        "_failures",
        "_filled",
        "_filler_after_s",
        "_instructions",
        "_open",
        "_retries",
        "_silent_after_s",
        "_since",
        "_strikes",
        "_waiting_from",
        "proven",
    )

    def __init__(self, policy: DialoguePolicy, random: Callable[[], float]) -> None:
        self._silent_after_s = policy.silent_after_s or _NEVER
        self._filler_after_s = policy.filler_after_s or _NEVER
        self._retries = policy.response_retries
        self._backoff = BackOff(max(policy.backoff_s * 2, 0.0), policy.backoff_max_s * 2, random)
        self._since = _NEVER  # the last sign of life in the model's turn; inf: not its turn
        self._waiting_from = _NEVER
        self._ask_at = _NEVER
        self._instructions: str | None = None
        self._open = False  # a response runs
        self._asked_meanwhile = False  # for another one
        self._filled = False  # the caller hears that we wait
        self._strikes = 0
        self._failures = 0
        self.proven = False
        """The session in use has said something."""

    @property
    def model_owes(self) -> bool:
        """It is the model's turn, or it is in the middle of it."""
        return self._since != _NEVER or self._ask_at != _NEVER

    @property
    def instructions(self) -> str | None:
        """What it was last asked to say, if it has not said it."""
        return self._instructions

    @property
    def due(self) -> float:
        wait_s = self._silent_after_s
        if not self._filled:
            wait_s = min(wait_s, self._filler_after_s)
        return min(self._since + wait_s, self._ask_at)

    def asked(self, now: float, instructions: str | None = None) -> None:
        """The model's turn begins."""
        self._since = self._waiting_from = now
        self._ask_at = _NEVER
        self._instructions = instructions
        self._asked_meanwhile = self._open

    def follow(self, event: Event, now: float) -> None:
        """What an event says by itself about whose turn it is."""
        match event:
            case AudioDone() | ToolCall() | ServerTool() | Transcript(role="assistant"):
                self.sign(now)
            case SpeechStarted():
                self.callers_turn()
            case ResponseStarted():
                self.started(now)

    def sign(self, now: float) -> None:
        """Audio, words, a tool at work."""
        self.proven = True
        self._strikes = 0
        self._filled = False
        if self._since == _NEVER:
            return
        if self._open:
            self._since = now
        else:
            self.callers_turn()

    def started(self, now: float) -> None:
        """A response began; it may be one that nobody asked for."""
        if self._since == _NEVER:
            self.asked(now)
        self._open, self._asked_meanwhile = True, False

    def callers_turn(self) -> None:
        """The caller speaks, or is to speak next."""
        self._since = self._waiting_from = self._ask_at = _NEVER
        self._instructions = None
        self._filled = False

    def done(self, status: str, now: float) -> bool:
        """A response ended. False: it failed too often."""
        self._open = False
        if status == "cancelled":
            return True  # by the caller, who has the turn already, or by our nudge
        if status != "failed":
            self.proven = True
            self._strikes = self._failures = 0
            self._backoff.reset()
            if not self._asked_meanwhile:
                self.callers_turn()
            return True
        if self._since == _NEVER or self._asked_meanwhile:
            return True  # the caller speaks by now, or the next response is asked for already
        self._failures += 1
        if self._failures > self._retries:
            return False
        # It is the model's turn, and the wait is ours.
        self._since = self._waiting_from = _NEVER
        self._ask_at = now + self._backoff.next_s()
        return True

    def session_ended(self) -> None:
        """Nobody's turn, until another session is there."""
        self.callers_turn()
        self._open = self._asked_meanwhile = False
        self._failures = 0
        self._backoff.reset()
        self.proven = False

    def check(self, now: float) -> Action | None:
        """What is due. After a nudge `asked` has to come, after `reconnecting` `session_ended`."""
        if now >= self._ask_at:
            self._ask_at = _NEVER
            return Ask(self._instructions)
        if self._since == _NEVER:
            return None
        waited_ms = round((now - self._waiting_from) * 1000)
        if now < self._since + self._silent_after_s:
            if self._filled or now < self._since + self._filler_after_s:
                return None
            self._filled = True
            return Silent(waited_ms, "waiting")
        self._strikes += 1
        return Silent(waited_ms, "nudged" if self._strikes == 1 else "reconnecting")
