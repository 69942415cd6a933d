"""Who talks in one call, and how: what its route resolves to, complete and frozen.

Made by `sipua.calls.routes` from the configuration when the call begins; a change of the
configuration never changes a call that runs.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

from sipua.config.sections.engine import EngineSection
from sipua.config.sections.routes import Answer, FirstWord


@dataclass(frozen=True, slots=True)
class NamedEngine:
    """An engine under the name that logs know it by; its section with the route's overrides."""

    name: str
    section: EngineSection


@dataclass(frozen=True, slots=True)
class Prompt:
    """The caller hears this. None: the built-in one."""

    path: Path | None = None


@dataclass(frozen=True, slots=True)
class TransferTo:
    """The call goes to somebody else: 302 before it is answered, REFER after."""

    target: str


@dataclass(frozen=True, slots=True)
class Refuse:
    """The call ends with this status, with BYE once it is answered."""

    status: int


Step: TypeAlias = Prompt | TransferTo | Refuse


@dataclass(frozen=True, slots=True)
class AgentProfile:
    route: str
    """Empty: none matched."""
    engines: tuple[NamedEngine, ...]
    """The first one, and those that take its place in turn."""
    instructions: str
    greeting: str
    tools: tuple[str, ...] | None = None
    """Names of those on offer; None: all that are declared."""
    answer: Answer = "ready"
    greeting_timeout_s: float = 3.0
    first_word: FirstWord = "greet"
    """Of calls that we place."""
    wait_s: float = 3.0
    steps: tuple[Step, ...] = ()
    """What happens when no engine is left, one after the other until the call is over."""
    failure_status: int = 503
    """Of a call that has no steps and is not answered yet."""

    @property
    def answers_turns(self) -> bool:
        """The engine answers by itself when the other side has spoken."""
        detection = self.engines[0].section.turn_detection
        return detection.type != "none" and detection.create_response

    @property
    def connect_timeout_s(self) -> float:
        return sum(engine.section.connect_timeout_s for engine in self.engines)
