"""What all calls of a route have in common."""

from __future__ import annotations

from dataclasses import dataclass

from sipua.calls.answering.policy import AnsweringPolicy
from sipua.calls.profile import AgentProfile
from sipua.record.engine_facts import EngineFacts
from sipua.worker.call.engines import RouteEngine


@dataclass(frozen=True, slots=True)
class RouteParts:
    profile: AgentProfile
    answering: AnsweringPolicy
    """Also where the route does not look who answers: a call of it may."""
    engines: list[RouteEngine]
    record: dict[str, EngineFacts]
    """The engines, for its calls' records."""
    recovers: bool = True
    """Whether a lost engine is looked for again."""
