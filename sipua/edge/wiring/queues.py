"""From the configuration to the queues of the edge, and to the slots of engines."""

from __future__ import annotations

from sipua.calls import routes
from sipua.calls.facts import CallFacts
from sipua.calls.steer.refer import target_uri
from sipua.config import Config
from sipua.config.sections.queues import QueueSection
from sipua.edge.wiring import wiring
from sipua.queue.settings import Member, QueueSettings

_LOCAL = ("", 0)


def queues(config: Config) -> list[QueueSettings]:
    return [_queue(config, section) for section in config.queues]


def engine_limits(config: Config) -> dict[str, int]:
    """By the engine's name; those without a limit are left out."""
    engines = {**config.engines, config.engine.type: config.engine}
    return {name: section.max_calls for name, section in engines.items() if section.max_calls}


def first_engines(config: Config) -> dict[str, str]:
    """Of the agent of each route, by the route's name; empty: of no route."""
    return {name: one.engines[0].name for name, one in routes.profiles(config).items()}


def agent_at_once(config: Config, facts: CallFacts) -> bool:
    """Whether the call begins with an agent, and not with a menu, a queue, documents or a
    person."""
    if facts.notice:
        return False
    route = next((one for one in config.routes if one.name == facts.route), None)
    if route is None:
        return True
    if facts.direction == "outgoing":  # it has no hours, does not wait for itself, goes nowhere on
        return not (route.menu or route.voice_url)
    if route.closed.kinds and not routes.hours_named(config, route.when).is_open(facts.started_at):
        return False
    return not (route.menu or route.queue or route.forward or route.voice_url)


def _queue(config: Config, section: QueueSection) -> QueueSettings:
    return QueueSettings(
        name=section.name,
        max_calls=section.max_calls,
        members=tuple(
            Member(one.name, _uri(config, section.account, one.target), one.signed_in)
            for one in section.members
        ),
        strategy=section.strategy,
        ring_s=section.ring_s,
        wrap_up_s=section.wrap_up_s,
        retry_s=section.retry_s,
        account=section.account,
        max_callers=section.max_callers,
        leaves_empty=bool(section.on_empty.kinds),
    )


def _uri(config: Config, account: str, target: str) -> str:
    """A number is one of the account; without an account the call says whose it is."""
    return target_uri(target, wiring.peer_of(config, account, _LOCAL)) if account else target
