"""Which agent takes a call: the first route that fits it, and what that route resolves to.

No I/O. Who was called is what either the request line or the To header says: behind a trunk the
dialled number stands in the first, behind a registrar often only in the second.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path

from sipua.bridge.playout.sounds import TEXTS
from sipua.calls.profile import AgentProfile, NamedEngine, Prompt, Refuse, Step, TransferTo
from sipua.config import Config
from sipua.config.checks.routes import MAIN
from sipua.config.sections.routes import FallbackSection, RouteSection
from sipua.sip.addresses import host_of


@dataclass(frozen=True, slots=True)
class Asked:
    """What routes look at."""

    called: tuple[str, ...]
    """URIs or header values; any of them may fit."""
    caller: str
    origin: str


def choose(routes: Iterable[RouteSection], asked: Asked) -> RouteSection | None:
    return next((route for route in routes if fits(route, asked)), None)


def fits(route: RouteSection, asked: Asked) -> bool:
    called = [address for uri in asked.called for address in addresses(uri)]
    return (
        _any_fits(route.called, called)
        and _any_fits(route.caller, addresses(asked.caller))
        and _any_fits(route.origin, [asked.origin])
    )


def _any_fits(patterns: Sequence[str], values: Sequence[str]) -> bool:
    """A pattern with `@` is about user and host, one without about the user alone."""
    if not patterns:
        return True
    return any(
        fnmatchcase(value, pattern)
        for pattern in patterns
        for value in values
        if ("@" in pattern) == ("@" in value)
    )


def addresses(uri: str) -> list[str]:
    """Of a From or To header, or of a URI: its user, and its user@host."""
    inside = uri.partition("<")[2].partition(">")[0] or uri
    scheme, colon, rest = inside.strip().partition(":")
    if not colon:
        return [scheme]  # a bare number, as a person types it
    user, at, _ = rest.partition("@")
    if not at:
        return [rest.partition(";")[0]] if scheme.lower() == "tel" else [""]
    user = user.partition(":")[0].partition(";")[0]
    return [user, f"{user}@{host_of(inside).lower()}"]


def resolve(config: Config, asked: Asked) -> AgentProfile:
    return profile(config, choose(config.routes, asked))


def engine_names(config: Config) -> set[str]:
    """Of all engines that a call which comes in may end in."""
    used: list[RouteSection | None] = []
    for route in config.routes:
        used.append(route)
        if not (route.called or route.caller or route.origin):
            break  # it takes every call: none comes to those behind it
    else:
        used.append(None)
    return {engine.name for route in used for engine in profile(config, route).engines}


def profile(config: Config, route: RouteSection | None = None) -> AgentProfile:
    """What the route says, and for the rest its engine, `[engine]` and `[calls]`.

    Who the agent is does not change with the engine: `instructions` and `greeting` are those of
    the first engine also for the ones that take its place.
    """
    calls = config.calls
    name = "" if route is None else route.name
    route = route or _NONE
    first = _engine(config, route.engine or MAIN)
    steps = route.fallback if route.has("fallback") else calls.fallback
    backups = (_engine(config, step.engine) for step in steps if step.engine)
    return AgentProfile(
        route=name,
        engines=(_overridden(first, route), *backups),
        instructions=_said("instructions", route, first, config),
        greeting=_said("greeting", route, first, config),
        tools=route.tools if route.has("tools") else None,
        answer=route.answer or calls.answer,
        greeting_timeout_s=calls.greeting_timeout_s,
        first_word=route.first_word or calls.first_word,
        wait_s=calls.wait_s,
        steps=tuple(_step(step) for step in steps if not step.engine),
        failure_status=first.section.failure_status,
    )


_NONE = RouteSection(name="none")


def _engine(config: Config, name: str) -> NamedEngine:
    if name == MAIN:
        return NamedEngine(config.engine.type, config.engine)
    return NamedEngine(name, config.engines[name])


def _overridden(engine: NamedEngine, route: RouteSection) -> NamedEngine:
    """The route's model and voice are the first engine's: another vendor has others."""
    changes = {key: getattr(route, key) for key in ("model", "voice") if getattr(route, key)}
    if route.voice:
        changes["voice_id"] = ""  # it would count more
    return NamedEngine(engine.name, engine.section.model_copy(update=changes))


def _said(key: str, route: RouteSection, engine: NamedEngine, config: Config) -> str:
    """By the route, else by its engine, else by `[engine]`."""
    for section in (route, engine.section):
        if key in section.model_fields_set:
            return str(getattr(section, key))
    return str(getattr(config.engine, key))


def _step(step: FallbackSection) -> Step:
    if step.prompt:
        return Prompt(None if step.prompt in TEXTS else Path(step.prompt))
    if step.transfer:
        return TransferTo(step.transfer)
    return Refuse(step.status)
