"""The engines of calls: from the sections of the configuration to what a conversation tries.

What a route's engines are told is put together at the worker's start. A call has its own
instructions, with its caller and such filled in, and the conversation so far.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial

from sipua.bridge.conversation.sessions import EngineChoice
from sipua.bridge.engine_api.protocol import Engine
from sipua.bridge.engine_api.settings import EngineSettings, Past
from sipua.bridge.engine_link.spares import SpareAddress, SpareConnections
from sipua.bridge.engines import create
from sipua.calls import routes
from sipua.calls.facts import CallFacts
from sipua.calls.legs.briefing import consultation
from sipua.calls.profile import AgentProfile, NamedEngine
from sipua.config import Config
from sipua.edge.wiring import call as wiring_call
from sipua.process import trace_context
from sipua.process.trace_context import CallTrace
from sipua.tools.toolbox import Toolbox
from sipua.worker.engine_addresses import EngineAddresses

EngineTried = Callable[[str, bool], None]


@dataclass(frozen=True, slots=True)
class RouteEngine:
    """One engine of a route, with what it is told in each of its calls."""

    name: str
    kind: str
    settings: EngineSettings
    connect_timeout_s: float
    headers: Callable[[str], Mapping[str, str]]
    """Those that one call alone has, by its id."""
    spare_sessions: int
    spare_max_age_s: float
    fills: bool = True
    """Its instructions have placeholders."""

    def create(
        self,
        call_id: str,
        past: Sequence[Past] = (),
        *,
        facts: CallFacts | None = None,
        trace: CallTrace | None = None,
    ) -> Engine:
        """For one session. `facts`: for the placeholders of its instructions. ValueError: the
        settings make no engine.
        """
        settings, own = self.settings, dict(self.headers(call_id))
        if facts is not None and self.fills:
            instructions = routes.filled(settings.instructions, facts)
            settings = replace(settings, instructions=instructions)
        if trace is not None:
            own[trace_context.HEADER] = trace.traceparent()
        if past or own:
            settings = replace(settings, past=past, headers={**own, **settings.headers})
        return create(self.kind, settings)

    def for_briefing(self, told: str) -> RouteEngine:
        """The same engine for the target of a transfer: it is told this, and has the tools of a
        briefing alone."""
        settings = replace(
            self.settings, instructions=told, tools=consultation.TOOLS, tool_choice="auto"
        )
        return replace(self, settings=settings, fills=False)  # it quotes what callers say

    def for_listening(self) -> RouteEngine:
        """The same engine, which writes down what is said and never answers."""
        turns = {
            **(self.settings.turn_detection or {}),
            "create_response": False,
            "interrupt_response": False,
        }
        settings = replace(self.settings, instructions="", tools=(), turn_detection=turns)
        return replace(self, settings=settings)

    def choice(self, facts: CallFacts, tried: EngineTried) -> EngineChoice:
        return EngineChoice(
            self.name,
            partial(self.create, facts.call_id, facts=facts, trace=facts.trace),
            self.connect_timeout_s,
            partial(tried, self.name),
        )


def route_engines(
    config: Config, profile: AgentProfile, addresses: EngineAddresses, toolbox: Toolbox
) -> list[RouteEngine]:
    """In the order in which they are tried."""
    tools = toolbox.declarations(profile.tools)

    def prepared(engine: NamedEngine) -> RouteEngine:
        section = engine.section
        settings = wiring_call.engine_settings(
            section,
            url=addresses.url(section),
            api_key=addresses.api_key(section),
            instructions=profile.instructions,
            tools=tools,
            interruptible=wiring_call.engine_interrupts(config),
        )
        return RouteEngine(
            engine.name,
            section.type,
            settings,
            section.connect_timeout_s,
            partial(addresses.headers, section),
            section.spare_sessions,
            section.spare_max_age_s,
        )

    return [prepared(engine) for engine in profile.engines]


def spare_connections(first: Iterable[RouteEngine], tried: EngineTried) -> SpareConnections:
    """Those that are kept for the engines which calls try first."""
    addresses = []
    for engine in first:
        if not engine.spare_sessions or engine.headers(""):
            continue  # a call's own header is in no connection that was there before the call
        try:
            made = engine.create("")
        except ValueError:
            continue  # told when a call needs it
        addresses.append(
            SpareAddress(
                made.url,
                made.headers,
                engine.spare_sessions,
                engine.spare_max_age_s,
                engine.connect_timeout_s,
                engine.name,
                partial(tried, engine.name),
            )
        )
    return SpareConnections(addresses)
