"""A caller's way through menus. No I/O: keys and times in, steps out.

              ┌────────────── no key, or a wrong one: `retries` times ─────────────┐
              ▼                                                                    │
    enter ─▶ prompt ──heard to its end──▶ listening, `no_input_s` ─────────────────┤
              │                               │                                    └─ once more:
              └─────────── key ───────────────┴─▶ its action                          `on_no_input`,
                       (ends the prompt)                                              `on_invalid`

A menu that is closed leads at once to its action for that. A way may begin with another action than
a menu: it is done, and a sound is the end of the call.

`retries` counts both kinds of failure together, from the moment that the menu was entered; the last
one says which action follows. A circle of menus ends with the call, at the latest.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal, TypeAlias

from sipua.calls.menus.menu import (
    Action,
    HangUp,
    Menu,
    Say,
    Sound,
    ToAgent,
    ToDocuments,
    ToMenu,
    ToQueue,
    ToTarget,
)
from sipua.config.values.hours import Hours

GRACE_S: Final = 10.0
"""The wait beyond a prompt's length; not heard by then, it never is."""

MOST_CLOSED: Final = 8
"""Closed menus that lead to each other, in a row; then the call ends."""

By: TypeAlias = Literal["key", "no_input", "invalid", "transfer_failed", "closed", "ended"]


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


Exit: TypeAlias = ToAgent | ToQueue | ToDocuments | ToTarget | HangUp
Step: TypeAlias = Entered | Play | Hush | Pressed | Left | Exit
"""An action is the last step: the way ends there, unless a transfer fails."""


class MenuWalk:
    def __init__(
        self,
        menus: Mapping[str, Menu],
        first: Action,
        is_open: Callable[[Hours], bool] = lambda _: True,
    ) -> None:
        """`is_open`: by the clock of the caller of this."""
        self._menus = menus
        self._first = first
        self._is_open = is_open
        self._menu: Menu | None = None
        self._closed = 0
        self._failures = 0
        self._playing = False
        self._last_words: By | None = None
        """Why what plays is the end of the call: no key counts any more."""
        self.inside = False
        self.deadline: float | None = None
        """When to call `expire`."""

    def begin(self, now: float) -> Sequence[Step]:
        match self._first:
            case ToMenu():
                return self._enter(self._menus[self._first.menu], now)
            case Say():
                self._last_words = "closed"
                return [self._play(now, self._first.sound)]
        return [self._first]

    @property
    def _no_input_s(self) -> float:
        return self._menu.no_input_s if self._menu else GRACE_S

    def played(self, now: float) -> Sequence[Step]:
        """What was to be played has been heard."""
        if not self._playing:
            return ()
        self._playing = False
        if self._last_words:
            return self._leave(HangUp(), self._last_words)
        self.deadline = now + self._no_input_s
        return ()

    def key(self, digit: str, now: float) -> Sequence[Step]:
        if self._menu is None or not self.inside or self._last_words:
            return ()
        hush: list[Step] = [Hush()] if self._playing else []
        self._playing = False
        action = self._menu.keys.get(digit)
        pressed = Pressed(self._menu.name, digit, valid=action is not None)
        if action is None:
            return [*hush, pressed, *self._failed("invalid", now)]
        return [*hush, pressed, *self._take(self._menu, action, digit, now)]

    def expire(self, now: float) -> Sequence[Step]:
        """The deadline is over."""
        return self.played(now) if self._playing else self._failed("no_input", now)

    def postpone(self, now: float) -> None:
        """The caller is on hold, and hears and presses nothing."""
        self.deadline = now + self._no_input_s

    def transfer_failed(self, now: float) -> Sequence[Step]:
        if self._menu is None:
            return [HangUp()]
        self.inside = True
        return self._failed("transfer_failed", now)

    def ended(self) -> Left | None:
        """The call is over; None: the way had ended before."""
        if self._menu is None or not self.inside:
            return None
        self.inside = False
        return Left(self._menu.name, "ended", "", None)

    def _enter(self, menu: Menu, now: float) -> Sequence[Step]:
        self._menu, self._failures, self.inside = menu, 0, True
        if menu.hours is not None and not self._is_open(menu.hours):
            self._closed += 1
            action = menu.closed if self._closed <= MOST_CLOSED else HangUp()
            return [Entered(menu.name), *self._end_by(action, "closed", now)]
        self._closed = 0
        return [Entered(menu.name), self._play(now, menu.prompt)]

    def _play(self, now: float, *sounds: Sound) -> Play:
        self._playing = True
        self.deadline = now + sum(sound.seconds for sound in sounds) + GRACE_S
        return Play(sounds)

    def _take(self, menu: Menu, action: Action, digit: str, now: float) -> Sequence[Step]:
        if isinstance(action, Say):
            self._failures = 0
            return [self._play(now, action.sound, menu.prompt)]
        return self._leave(action, "key", digit, now)

    def _failed(self, by: By, now: float) -> Sequence[Step]:
        menu = self._menu
        assert menu is not None
        self._failures += 1
        if self._failures <= menu.retries:
            return [self._play(now, menu.prompt)]
        actions: dict[By, Action] = {"no_input": menu.on_no_input, "invalid": menu.on_invalid}
        # After a transfer that failed there is no other way: the same action could fail for ever.
        return self._end_by(actions.get(by, HangUp()), by, now)

    def _end_by(self, action: Action, by: By, now: float) -> Sequence[Step]:
        """No key has led to it: what is heard is the end of the call."""
        if isinstance(action, Say):
            self._last_words = by
            return [self._play(now, action.sound)]
        return self._leave(action, by, now=now)

    def _leave(
        self, action: Exit | ToMenu, by: By, digit: str = "", now: float = 0.0
    ) -> Sequence[Step]:
        left = [Left(self._menu.name, by, digit, action)] if self._menu else []
        if isinstance(action, ToMenu):
            return [*left, *self._enter(self._menus[action.menu], now)]
        self.inside, self.deadline = False, None
        return [*left, action]
