"""A menu, and what a key of it leads to. Complete and frozen, as the profile of a call is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, TypeAlias

from sipua.calls.steer.commands import RunDocuments
from sipua.codecs.pcm import Pcm
from sipua.config.values.hours import Hours

RATE_HZ: Final = 8000


@dataclass(frozen=True, slots=True, eq=False)
class Sound:
    """At 8 kHz."""

    name: str
    pcm: Pcm

    @property
    def seconds(self) -> float:
        return len(self.pcm) / RATE_HZ


@dataclass(frozen=True, slots=True)
class ToAgent:
    """The agent of this route takes the call; empty: of no route."""

    route: str


@dataclass(frozen=True, slots=True)
class ToMenu:
    menu: str


@dataclass(frozen=True, slots=True)
class ToQueue:
    """Wait in this queue; `route` is that of the agent who serves it, where no people do."""

    queue: str
    route: str = ""
    priority: int = 0


@dataclass(frozen=True, slots=True)
class ToTarget:
    """Transfer the call by REFER; the menu goes on when it fails."""

    target: str


@dataclass(frozen=True, slots=True)
class Say:
    """Play it. Chosen by a key: the menu goes on behind it. Otherwise the call ends."""

    sound: Sound


@dataclass(frozen=True, slots=True)
class ToDocuments:
    """Led by documents that a web server answers with (`sipua.twilio`); or by one that is here."""

    order: RunDocuments = field(repr=False)


@dataclass(frozen=True, slots=True)
class HangUp:
    pass


Action: TypeAlias = ToAgent | ToMenu | ToQueue | ToTarget | ToDocuments | Say | HangUp


def words(action: Action) -> str:
    """For events and records: `agent sales`, `hang_up`."""
    match action:
        case ToAgent():
            return f"agent {action.route}".strip()
        case ToMenu():
            return f"menu {action.menu}"
        case ToQueue():
            return f"queue {action.queue}"
        case ToTarget():
            return f"transfer {action.target}"
        case ToDocuments():
            return "documents"
        case Say():
            return f"prompt {action.sound.name}"
        case HangUp():
            return "hang_up"


@dataclass(frozen=True, slots=True)
class Menu:
    name: str
    prompt: Sound
    keys: Mapping[str, Action]
    no_input_s: float = 5.0
    """From the end of the prompt."""
    retries: int = 2
    """How often the prompt is repeated when no key came, or one that leads nowhere."""
    on_no_input: Action = HangUp()
    on_invalid: Action = HangUp()
    hours: Hours | None = None
    """None: it is always open."""
    closed: Action = HangUp()
