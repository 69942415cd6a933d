"""Which agent takes a call."""

from __future__ import annotations

from sipua.config import Config
from sipua.profile import AgentProfile, NamedEngine


def default(config: Config) -> AgentProfile:
    """Of a call that no route is for."""
    engine, calls = config.engine, config.calls
    return AgentProfile(
        route="",
        engines=(NamedEngine(engine.type, engine),),
        instructions=engine.instructions,
        greeting=engine.greeting,
        answer=calls.answer,
        failure_status=engine.failure_status,
    )
