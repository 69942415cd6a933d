"""A caller's way through menus. No I/O: keys and times in, steps out.

              ┌────────────── no key, or a wrong one: `retries` times ─────────────┐
              ▼                                                                    │
    enter ─▶ prompt ──heard to its end──▶ listening, `no_input_s` ─────────────────┤
              │                               │                                    └─ once more:
              └─────────── key ───────────────┴─▶ its action                          `on_no_input`,
                       (ends the prompt)                                              `on_invalid`

`retries` counts both kinds of failure together, from the moment that the menu was entered; the last
one says which action follows. A circle of menus ends with the call, at the latest.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

from sipua.calls.menus.menu import Action, HangUp, Menu, Say, Sound, ToAgent, ToMenu, ToTarget

GRACE_S: Final = 10.0
"""The wait beyond a prompt's length; not heard by then, it never is."""

By: TypeAlias = Literal["key", "no_input", "invalid", "transfer_failed", "ended"]


@dataclass(frozen=True, slots=True)
class Entered:
    menu: str


@dataclass(frozen=True, slots=True)
class Play:
    """One after the other; their end is told by `played`."""

    sounds: tuple[Sound, ...]


@dataclass(frozen=True, slots=True)
class Hush:
    """What plays ends now."""


@dataclass(frozen=True, slots=True)
class Pressed:
    menu: str
    digit: str
    valid: bool


@dataclass(frozen=True, slots=True)
class Left:
    menu: str
    by: By
    key: str
    action: Action | None
    """None: the call has ended in the menu."""


Step: TypeAlias = Entered | Play | Hush | Pressed | Left | ToAgent | ToTarget | HangUp
"""An action is the last step: the way ends there, unless a transfer fails."""


class MenuWalk:
    def __init__(self, menus: Mapping[str, Menu], first: str) -> None:
        self._menus = menus
        self._menu = menus[first]
        self._failures = 0
        self._playing = False
        self._last_words: By | None = None
        """Why what plays is the end of the call: no key counts any more."""
        self.inside = False
        self.deadline: float | None = None
        """When to call `expire`."""

    def begin(self, now: float) -> Sequence[Step]:
        return self._enter(self._menu, now)

    def played(self, now: float) -> Sequence[Step]:
        """What was to be played has been heard."""
        if not self._playing:
            return ()
        self._playing = False
        if self._last_words:
            return self._leave(HangUp(), self._last_words)
        self.deadline = now + self._menu.no_input_s
        return ()

    def key(self, digit: str, now: float) -> Sequence[Step]:
        if not self.inside or self._last_words:
            return ()
        hush: list[Step] = [Hush()] if self._playing else []
        self._playing = False
        action = self._menu.keys.get(digit)
        pressed = Pressed(self._menu.name, digit, valid=action is not None)
        if action is None:
            return [*hush, pressed, *self._failed("invalid", now)]
        return [*hush, pressed, *self._take(action, digit, now)]

    def expire(self, now: float) -> Sequence[Step]:
        """The deadline is over."""
        return self.played(now) if self._playing else self._failed("no_input", now)

    def postpone(self, now: float) -> None:
        """The caller is on hold, and hears and presses nothing."""
        self.deadline = now + self._menu.no_input_s

    def transfer_failed(self, now: float) -> Sequence[Step]:
        self.inside = True
        return self._failed("transfer_failed", now)

    def ended(self) -> Left | None:
        """The call is over; None: the way had ended before."""
        if not self.inside:
            return None
        self.inside = False
        return Left(self._menu.name, "ended", "", None)

    def _enter(self, menu: Menu, now: float) -> Sequence[Step]:
        self._menu, self._failures, self.inside = menu, 0, True
        return [Entered(menu.name), self._play(now, menu.prompt)]

    def _play(self, now: float, *sounds: Sound) -> Play:
        self._playing = True
        self.deadline = now + sum(sound.seconds for sound in sounds) + GRACE_S
        return Play(sounds)

    def _take(self, action: Action, digit: str, now: float) -> Sequence[Step]:
        if isinstance(action, Say):
            self._failures = 0
            return [self._play(now, action.sound, self._menu.prompt)]
        return self._leave(action, "key", digit, now)

    def _failed(self, by: By, now: float) -> Sequence[Step]:
        self._failures += 1
        if self._failures <= self._menu.retries:
            return [self._play(now, self._menu.prompt)]
        actions: dict[By, Action] = {
            "no_input": self._menu.on_no_input,
            "invalid": self._menu.on_invalid,
        }
        # After a transfer that failed there is no other way: the same action could fail for ever.
        action = actions.get(by, HangUp())
        if isinstance(action, Say):
            self._last_words = by
            return [self._play(now, action.sound)]
        return self._leave(action, by, now=now)

    def _leave(
        self,
        action: ToAgent | ToMenu | ToTarget | HangUp,
        by: By,
        digit: str = "",
        now: float = 0.0,
    ) -> Sequence[Step]:
        left = Left(self._menu.name, by, digit, action)
        if isinstance(action, ToMenu):
            return [left, *self._enter(self._menus[action.menu], now)]
        self.inside, self.deadline = False, None
        return [left, action]
