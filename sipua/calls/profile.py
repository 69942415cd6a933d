"""The agent's profile of one call: what its route resolves to, complete and frozen.

Made by `sipua.calls.routes` from the configuration when the call begins; a later change of the
configuration does not change a running call.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeAlias

from sipua.calls.answering.policy import AnsweringPolicy
from sipua.config.sections.engine import EngineSection
from sipua.config.sections.routes import Answer, FirstWord
from sipua.recording.files.settings import When


@dataclass(frozen=True, slots=True)
class NamedEngine:
    """An engine with its name in logs, and its section with the route's overrides."""

    name: str
    section: EngineSection


@dataclass(frozen=True, slots=True)
class Prompt:
    """Play this sound to the caller. None: the built-in one."""

    path: Path | None = None


@dataclass(frozen=True, slots=True)
class TransferTo:
    """Transfer the call: 302 before it is answered, REFER after."""

    target: str


@dataclass(frozen=True, slots=True)
class Menu:
    """Answer, and let the caller choose."""

    name: str


@dataclass(frozen=True, slots=True)
class Queue:
    """Answer, and let the caller wait for a person, or for another agent."""

    name: str


@dataclass(frozen=True, slots=True)
class Refuse:
    """End the call with this status, or with BYE once it is answered."""

    status: int


@dataclass(frozen=True, slots=True)
class Forward:
    """Another SIP agent takes the call."""

    target: str
    """A SIP URI."""
    account: str = ""
    """Which it is called by; empty: straight to its host."""
    headers: Mapping[str, str] = field(default_factory=dict)
    falls_back: bool = False
    """The route has a fallback of its own."""
    early_media: bool = True
    """What its side sends before the answer is heard."""


Step: TypeAlias = Prompt | TransferTo | Menu | Queue | Refuse


def in_words(step: Step) -> str:
    """For people: `menu night`."""
    match step:
        case Prompt(path):
            return f"prompt {path or 'sorry'}"
        case TransferTo(target):
            return f"transfer {target}"
        case Menu(name):
            return f"menu {name}"
        case Queue(name):
            return f"queue {name}"
        case Refuse(status):
            return f"status {status}"


@dataclass(frozen=True, slots=True)
class AgentProfile:
    route: str
    """Empty: no route matched."""
    engines: tuple[NamedEngine, ...]
    """The first engine, and those that replace it, in order."""
    instructions: str
    greeting: str
    tools: tuple[str, ...] | None = None
    """Names of the offered tools; None: all that are declared."""
    answer: Answer = "ready"
    greeting_timeout_s: float = 3.0
    first_word: FirstWord = "greet"
    """For calls that we place."""
    wait_s: float = 3.0
    answering: AnsweringPolicy | None = None
    """For calls that we place; None: it does not matter who answers."""
    steps: tuple[Step, ...] = ()
    """The steps when no engine is left, one after the other until the call is over."""
    menu: str = ""
    """What the caller hears before the agent. Empty: no menu."""
    queue: str = ""
    """Where the caller waits when the agent is busy. Empty: nowhere."""
    documents: str = ""
    """The host whose documents lead the call, in the agent's place. Empty: none do."""
    when: str = ""
    """The hours in which it is so; outside of them it is `closed`. Empty: always."""
    forward: Forward | None = None
    """Who takes the calls that come in, in the agent's place."""
    recording: When = "off"
    failure_status: int = 503
    """The status of a call without steps that is not answered yet."""

    @property
    def answers_turns(self) -> bool:
        """Whether the engine answers by itself when the other side has spoken."""
        detection = self.engines[0].section.turn_detection
        return detection.type != "none" and detection.create_response

    @property
    def connect_timeout_s(self) -> float:
        return sum(engine.section.connect_within_s for engine in self.engines)
