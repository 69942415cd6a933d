"""A queue, as its callers hear it. Complete and frozen, as a menu is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from sipua.calls.menus.menu import Action, HangUp, Sound, ToQueue
from sipua.codecs.pcm import Pcm
from sipua.config.values.hours import Hours

POSITION: Final = "{position}"
MINUTES: Final = "{minutes}"
_SAID: Final = (*range(1, 11), 15, 20, 30, 45, 60)
"""Minutes that are said. An estimate is no better than that, and each is spoken once only."""


@dataclass(frozen=True, slots=True)
class Spoken:
    """What a program of this machine says of a caller's place."""

    position: str = ""
    """With `{position}`; empty: it is not said."""
    wait: str = ""
    """With `{minutes}`."""
    voice: str = ""
    words_per_minute: int = 155

    def texts(self, position: int, wait_s: float | None) -> list[str]:
        said = [self.position.replace(POSITION, str(position))] if self.position else []
        if self.wait and wait_s is not None and (minutes := minutes_said(wait_s)) is not None:
            said.append(self.wait.replace(MINUTES, str(minutes)))
        return said


def minutes_said(wait_s: float) -> int | None:
    """Rounded up, so that a promise is rather kept than not. None: more than an hour."""
    return next((minutes for minutes in _SAID if wait_s <= minutes * 60), None)


_END: Final = HangUp()


@dataclass(frozen=True, slots=True)
class Queue:
    name: str
    route: str = ""
    """Of the agent who serves it, where the caller comes by no route of its own."""
    music: Pcm | None = None
    announcement: Sound | None = None
    spoken: Spoken = field(default_factory=Spoken)
    announce_every_s: float = 30.0
    """From the end of an announcement; 0: only at the beginning."""
    keys: Mapping[str, Action] = field(default_factory=dict)
    max_wait_s: float = 900.0
    on_timeout: Action = _END
    on_full: Action = _END
    on_empty: Action = _END
    hours: Hours | None = None
    """None: it is always open."""
    closed: Action = _END

    def joined(self, route: str = "", priority: int = 0) -> ToQueue:
        """The step into it; `route`: of the call."""
        return ToQueue(self.name, self.route or route, priority)
