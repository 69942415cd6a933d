"""The engines of calls: from the sections of the configuration to what a conversation tries.

What a route's engines are told is put together at the worker's start. A call has its own
instructions, with its caller and such filled in, and the conversation so far.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import partial

from sipua.bridge.conversation.sessions import EngineChoice
from sipua.bridge.engine_api.protocol import Engine
from sipua.bridge.engine_api.settings import CallIdentity, EngineSettings, Past
from sipua.bridge.engine_link.spares import SpareAddress, SpareConnections
from sipua.bridge.engines import ENGINES, create
from sipua.calls import routes
from sipua.calls.facts import CallFacts
from sipua.calls.legs.briefing import consultation
from sipua.calls.profile import AgentProfile, NamedEngine
from sipua.config import Config
from sipua.edge.wiring import call as wiring_call
from sipua.process import trace_context
from sipua.process.trace_context import CallTrace
from sipua.tools.toolbox import Toolbox
from sipua.worker.engines.addresses import EngineAddresses
from sipua.worker.engines.key import EngineKey
from sipua.worker.engines.stream_status import Tell

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
    key: EngineKey | None = None
    """Of a command; None: the settings have it."""
    parameters: Mapping[str, str] = field(default_factory=dict)
    """What an agent is told of the call, besides its metadata; with placeholders."""
    stream_status: Callable[[str, str], Tell] | None = None
    """By the key and the call's id: who is told of a call's stream."""

    def create(
        self,
        call_id: str,
        past: Sequence[Past] = (),
        handle: str = "",
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
            greeting = routes.filled_plain({"": settings.greeting}, facts)[""]
            settings = replace(settings, instructions=instructions, greeting=greeting)
        if facts is not None:
            settings = replace(settings, call=_identity(facts, self.parameters))
        if self.key is not None:
            settings = replace(settings, api_key=self.key.value)
        if self.stream_status is not None:
            tell = self.stream_status(settings.api_key, call_id)
            settings = replace(settings, on_stream=tell)
        if trace is not None:
            own[trace_context.HEADER] = trace.traceparent()
        if past or handle or own:
            headers = {**own, **settings.headers}
            settings = replace(settings, past=past, handle=handle, headers=headers)
        return create(self.kind, settings)

    def for_briefing(self, told: str) -> RouteEngine:
        """The same engine for the target of a transfer: it is told this, and has the tools of a
        briefing alone."""
        settings = replace(
            self.settings,
            instructions=told,
            greeting="",
            tools=consultation.TOOLS,
            tool_choice="auto",
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
            self.key,
        )


def _identity(facts: CallFacts, parameters: Mapping[str, str]) -> CallIdentity:
    """What the operator has written goes before what was given with the call."""
    return CallIdentity(
        facts.call_id,
        facts.caller.number,
        facts.called,
        facts.direction,
        {**facts.metadata, **routes.filled_plain(parameters, facts)},
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
            greeting=profile.greeting,
            tools=tools,
            interruptible=wiring_call.engine_interrupts(config),
        )
        return RouteEngine(
            engine.name,
            section.type,
            settings,
            section.connect_within_s,
            partial(addresses.headers, section),
            section.spare_sessions,
            section.spare_max_age_s,
            key=addresses.key(section),
            parameters=section.parameters,
            stream_status=addresses.stream_status(section),
        )

    return [prepared(engine) for engine in profile.engines]


def spare_connections(first: Iterable[RouteEngine], tried: EngineTried) -> SpareConnections:
    """Those that are kept for the engines which calls try first."""
    addresses = []
    for engine in first:
        if not engine.spare_sessions or engine.headers("") or engine.key is not None:
            continue  # a call's own header is in no connection that was there before the call
        if "spare_sessions" in ENGINES[engine.kind].unused:
            continue  # an agent takes an open connection for a call
        try:
            made = engine.create("")
        except ValueError:
            continue  # told when a call needs it
        if made.locate is not None:
            continue  # each session has an address of its own
        addresses.append(
            SpareAddress(
                made.url,
                made.headers,
                engine.spare_sessions,
                engine.spare_max_age_s,
                engine.connect_timeout_s,
                engine.name,
                partial(tried, engine.name),
                made.link,
            )
        )
    return SpareConnections(addresses)
