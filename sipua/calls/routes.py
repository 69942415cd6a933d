"""The choice of the agent for a call: the first route that fits, and its profile.

No I/O. The called number is in the request line or in the To header: behind a trunk the dialled
number stands in the first, behind a registrar often only in the second.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from fnmatch import fnmatchcase
from pathlib import Path
from typing import TypeAlias
from urllib.parse import urlsplit

from sipua.bridge.playout.sound_files import TEXTS
from sipua.calls.answering.policy import AnsweringPolicy
from sipua.calls.facts import CallFacts
from sipua.calls.profile import (
    AgentProfile,
    Forward,
    Menu,
    NamedEngine,
    Prompt,
    Queue,
    Refuse,
    Step,
    TransferTo,
)
from sipua.config import Config
from sipua.config.checks.routes import MAIN
from sipua.config.sections.routes import FallbackSection, RouteSection
from sipua.config.values.hours import Hours, hours
from sipua.sip.parties import placeholders
from sipua.sip.wire.addresses import host_of


@dataclass(frozen=True, slots=True)
class Asked:
    """The properties of a call that routes match; numbers in the format of its trunk."""

    called: tuple[str, ...]
    """URIs or header values; any of them may fit."""
    caller: str
    origin: str


IsOpen: TypeAlias = Callable[[str], bool]
"""By the name of hours."""


def choose(
    routes: Iterable[RouteSection], asked: Asked, is_open: IsOpen | None = None
) -> RouteSection | None:
    """`is_open`: given for calls that come in; one that we place has no hours."""
    fitting = (route for route in routes if fits(route, asked))
    if is_open is not None:
        fitting = (one for one in fitting if not _passes_on(one) or is_open(one.when))
    return next(fitting, None)


def opened(config: Config, at: datetime) -> IsOpen:
    return lambda name: hours_named(config, name).is_open(at)


def hours_named(config: Config, name: str) -> Hours:
    section = config.hours[name]
    return hours(name, section.zone, section.open, section.holidays)


def _passes_on(route: RouteSection) -> bool:
    """Whether its calls are the next route's while it is closed."""
    return bool(route.when) and not route.closed.kinds


def fits(route: RouteSection, asked: Asked) -> bool:
    called = [address for uri in asked.called for address in addresses(uri)]
    return (
        _any_fits(route.called, called)
        and _any_fits(route.caller, addresses(asked.caller))
        and _any_fits(route.origin, [asked.origin])
    )


def _any_fits(patterns: Sequence[str], values: Sequence[str]) -> bool:
    """A pattern with `@` matches user and host, one without only the user."""
    if not patterns:
        return True
    return any(
        fnmatchcase(value, pattern)
        for pattern in patterns
        for value in values
        if ("@" in pattern) == ("@" in value)
    )


def addresses(uri: str) -> list[str]:
    """The user, and the user@host, of a From or To header or of a URI."""
    inside = uri.partition("<")[2].partition(">")[0] or uri
    scheme, colon, rest = inside.strip().partition(":")
    if not colon:
        return [scheme]  # a bare number, as users type it
    user, at, _ = rest.partition("@")
    if not at:
        return [rest.partition(";")[0]] if scheme.lower() == "tel" else [""]
    user = user.partition(":")[0].partition(";")[0]
    return [user, f"{user}@{host_of(inside).lower()}"]


def resolve(config: Config, asked: Asked, at: datetime | None = None) -> AgentProfile:
    """`at`: when the call comes in; None: hours do not count."""
    return profile(config, choose(config.routes, asked, opened(config, at) if at else None))


def profiles(config: Config) -> dict[str, AgentProfile]:
    """All, by the name of the route; empty: of no route."""
    routes = {route.name: profile(config, route) for route in config.routes}
    return {"": profile(config), **routes}


def named(config: Config, name: str) -> RouteSection | None:
    """None: there is none of that name, or it is empty."""
    return next((route for route in config.routes if route.name == name), None)


def incoming(config: Config) -> list[str]:
    """The names of the routes that an incoming call may take."""
    names = []
    for route in config.routes:
        names.append(route.name)
        if not (route.called or route.caller or route.origin or _passes_on(route)):
            return names  # it takes every call: later routes get none
    return [*names, ""]


def engine_names(config: Config) -> set[str]:
    """The names of all engines that an incoming call may use."""
    by_route = profiles(config)
    return {engine.name for name in incoming(config) for engine in by_route[name].engines}


def profile(config: Config, route: RouteSection | None = None) -> AgentProfile:
    """The profile: from the route, and for the rest from its engine, `[engine]` and `[calls]`.

    The agent stays the same with another engine: `instructions` and `greeting` of the first engine
    also count for the ones that replace it.
    """
    calls = config.calls
    name = "" if route is None else route.name
    route = route or _NONE
    first = _engine(config, route.engine or MAIN)
    steps = route.fallback if route.has("fallback") else calls.fallback
    detects = route.answering or calls.answering
    backups = (_engine(config, step.engine) for step in steps if step.engine)
    return AgentProfile(
        route=name,
        engines=(_overridden(first, route), *backups),
        instructions=_setting("instructions", route, first, config),
        greeting=_setting("greeting", route, first, config),
        tools=route.tools if route.has("tools") else None,
        answer=route.answer or calls.answer,
        greeting_timeout_s=calls.greeting_timeout_s,
        first_word=route.first_word or calls.first_word,
        wait_s=calls.wait_s,
        answering=answering(config, route) if detects == "detect" else None,
        steps=tuple(_step(step) for step in steps if not step.engine),
        menu=route.menu,
        queue=route.queue,
        documents=urlsplit(route.voice_url).hostname or "",
        when=route.when,
        forward=_forward(route),
        recording=route.recording or config.recording.when,
        failure_status=first.section.failure_status,
    )


def filled(text: str, facts: CallFacts) -> str:
    """Instructions or a greeting, with the placeholders filled in for one call."""
    return placeholders.fill_marked(text, _values(facts))


def filled_plain(texts: Mapping[str, str], facts: CallFacts) -> dict[str, str]:
    """Parameters for a program, by their names."""
    values = _values(facts)
    return {name: placeholders.fill_plain(text, values) for name, text in texts.items()}


def _values(facts: CallFacts) -> placeholders.Values:
    return placeholders.Values(facts.caller, facts.called, facts.origin, facts.route, facts.headers)


_NONE = RouteSection(name="none")


def answering(config: Config, route: RouteSection | None) -> AnsweringPolicy:
    """What is done about who answers a call of ours, where that is found out."""
    calls, route = config.calls, route or _NONE
    own = bool(route.voicemail_message or route.voicemail_text)
    message = route.voicemail_message if own else calls.voicemail_message
    return AnsweringPolicy(
        wait_s=calls.answering_wait_s,
        on_voicemail=route.on_voicemail or calls.on_voicemail,
        message=message,
        text=route.voicemail_text if own else calls.voicemail_text,
    )


def _engine(config: Config, name: str) -> NamedEngine:
    if name == MAIN:
        return NamedEngine(config.engine.type, config.engine)
    return NamedEngine(name, config.engines[name])


def _overridden(engine: NamedEngine, route: RouteSection) -> NamedEngine:
    """Apply the route's model and voice, to the first engine only: other vendors have others."""
    changes = {key: getattr(route, key) for key in ("model", "voice") if getattr(route, key)}
    if route.voice:
        changes["voice_id"] = ""  # it would have precedence
    return NamedEngine(engine.name, engine.section.model_copy(update=changes))


def _setting(key: str, route: RouteSection, engine: NamedEngine, config: Config) -> str:
    """The value of the route, else of its engine, else of `[engine]`."""
    for section in (route, engine.section):
        if key in section.model_fields_set:
            return str(getattr(section, key))
    return str(getattr(config.engine, key))


def _forward(route: RouteSection) -> Forward | None:
    if not route.forward:
        return None
    own_fallback = route.has("fallback")
    return Forward(
        route.forward,
        route.forward_account,
        dict(route.headers_out),
        own_fallback,
        route.forward_early_media,
    )


def _step(step: FallbackSection) -> Step:
    if step.prompt:
        return Prompt(None if step.prompt in TEXTS else Path(step.prompt))
    if step.transfer:
        return TransferTo(step.transfer)
    if step.menu:
        return Menu(step.menu)
    if step.queue:
        return Queue(step.queue)
    return Refuse(step.status)
