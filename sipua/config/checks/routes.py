"""Contradictions between routes, further engines and fallbacks."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterator, Sequence
from fnmatch import fnmatchcase
from importlib.util import find_spec
from urllib.parse import urlsplit

from sipua.config.checks.findings import Finding
from sipua.config.checks.menus import an_action, no_menu, no_queue
from sipua.config.sections.config import Config
from sipua.config.sections.menus import MenuSection
from sipua.config.sections.routes import FallbackSection, RouteSection
from sipua.config.values.problems import KeyPath
from sipua.process.web.addresses import may_reach
from sipua.rtp.hostport import is_address

_OF_AGENTS = (
    *("engine", "model", "voice", "instructions", "greeting", "tools"),
    *("answer", "first_word", "answering", "on_voicemail"),
)
"""The keys of a route that are for an agent of the configuration."""
MAIN = "engine"
"""The name of `[engine]`."""


def routes(config: Config) -> Iterator[Finding]:
    yield from _fallback(config, ("calls", "fallback"), config.calls.fallback)
    names: dict[str, KeyPath] = {}
    catch_all: KeyPath | None = None
    for index, route in enumerate(config.routes):
        here: KeyPath = ("routes", index)
        first = names.setdefault(route.name, (*here, "name"))
        if first != (*here, "name"):
            yield Finding(
                ((*here, "name"), first),
                "is the name of another route; logs could not tell them apart",
                f'another name, such as "{route.name}-2"',
            )
        if catch_all is not None:
            yield Finding(
                ((*here, "name"), catch_all),
                f"is never reached: {config.routes[int(catch_all[1])].name} takes every call",
                "move it up, or give the other one a `called`, `caller` or `origin`",
                "warning",
            )
        elif not (route.called or route.caller or route.origin or _may_be_closed(route)):
            catch_all = here
        yield from _names_in(config, here, route)
        yield from _documents(config, here, route)
        yield from _fallback(config, (*here, "fallback"), route.fallback)
    yield from _played_by_documents(config)
    yield from _unused(config)


def _may_be_closed(route: RouteSection) -> bool:
    """Whether there are times at which the next route takes its calls."""
    return bool(route.when) and not route.closed.kinds


def _names_in(config: Config, here: KeyPath, route: RouteSection) -> Iterator[Finding]:
    if route.engine and route.engine not in _engines(config):
        yield _no_engine((*here, "engine"), route.engine, config)
    yield from no_menu(config, (*here, "menu"), route.menu)
    yield from no_queue(config, (*here, "queue"), route.queue)
    if route.menu and route.queue:
        yield Finding(
            ((*here, "queue"), (*here, "menu")),
            "stands beside menu: a call can begin in one of them",
            f'remove one, and let a key lead to the other: 1 = {{ queue = "{route.queue}" }}',
        )
    if route.closed.kinds:
        yield from an_action(config, (*here, "closed"), route.closed)
    yield from _forward(config, here, route)
    origins = [account.name for account in config.accounts]
    origins += [trunk.name for trunk in config.trunks] + ["anyone"]
    for pattern in route.origin:
        if not any(fnmatchcase(name, pattern) for name in origins):
            yield _unknown(
                (*here, "origin"), origins, "account or trunk", f'"{pattern}" fits no name'
            )
    tools = [
        *config.tools.builtin,
        *(webhook.name for webhook in config.tools.webhooks),
        *(server.label for server in config.tools.mcp),
    ]
    for name in route.tools:
        # The names of Python functions are known when they are loaded.
        if name not in tools and not config.tools.python:
            yield _unknown((*here, "tools"), tools, "tool", f'there is no tool "{name}"')


def _forward(config: Config, here: KeyPath, route: RouteSection) -> Iterator[Finding]:
    for other in ("menu", "queue"):
        if route.forward and getattr(route, other):
            yield Finding(
                ((*here, "forward"), (*here, other)),
                f"leaves no call for the {other}",
                'one of both; a menu forwards by { transfer = "sip:…" }',
            )
    if route.has("forward_early_media") and not route.forward:
        yield Finding(
            ((*here, "forward_early_media"),),
            "has no effect without `forward`",
            'forward = "sip:…"',
            "warning",
        )
    if route.forward_account and not route.forward:
        yield Finding(
            ((*here, "forward_account"),), "has no effect without `forward`", 'forward = "sip:…"'
        )
    ways = [account.name for account in config.accounts]
    ways += [trunk.name for trunk in config.trunks if trunk.every_server]
    if route.forward_account and route.forward_account not in ways:
        yield _unknown(
            (*here, "forward_account"),
            ways,
            "account, and no trunk with `proxy`,",
            f'no calls can be placed by "{route.forward_account}"',
        )
    if route.forward and any(_leads_to(menu, route.name) for menu in config.menus):
        yield Finding(
            ((*here, "forward"),),
            "is not for a route that a menu leads to",
            f'{{ transfer = "{route.forward}" }} in the menu',
        )


def _documents(config: Config, here: KeyPath, route: RouteSection) -> Iterator[Finding]:
    if not route.voice_url:
        for name in (
            "voice_method",
            "voice_fallback_url",
            "voice_status_url",
            "voice_status_method",
        ):
            if route.has(name):
                fix = 'voice_url = "https://…"'
                yield Finding(((*here, name),), "has no effect without `voice_url`", fix)
        return
    if route.has("voice_status_method") and not route.voice_status_url:
        yield Finding(
            ((*here, "voice_status_method"),),
            "has no effect without `voice_status_url`",
            'voice_status_url = "https://…"',
        )
    for other in ("menu", "queue", "forward"):
        if getattr(route, other):
            yield Finding(
                ((*here, "voice_url"), (*here, other)),
                f"stands beside {other}: a call can begin in one of them",
                "remove one",
            )
    for other in _OF_AGENTS:
        if route.has(other):
            yield Finding(
                ((*here, other), (*here, "voice_url")),
                "has no effect on its calls: the documents of voice_url name the agent",
                "leave it out",
                "warning",
            )
    inherited = not route.has("fallback")
    steps = config.calls.fallback if inherited else route.fallback
    if any(step.engine for step in steps):
        yield Finding(
            ((*here, "fallback"), ("calls", "fallback") if inherited else (*here, "voice_url")),
            "names an engine, which is not asked where documents lead the call",
            "a fallback of its own: a prompt, a transfer, a menu, a queue or a status",
            "warning" if inherited else "error",
        )
    allow = [ipaddress.ip_network(one) for one in config.twilio.allow]
    for name in ("voice_url", "voice_fallback_url", "voice_status_url"):
        host = urlsplit(getattr(route, name)).hostname or ""
        address = "127.0.0.1" if host == "localhost" else host
        if is_address(address) and not may_reach(address, allow):
            yield Finding(
                ((*here, name), ("twilio", "allow")),
                f"{address} is no public address, and none of twilio.allow",
                f'allow = ["{address}"] under [twilio]',
            )


def _played_by_documents(config: Config) -> Iterator[Finding]:
    led = [index for index, route in enumerate(config.routes) if route.voice_url]
    if led and find_spec("soundfile") is None:
        yield Finding(
            (("routes", led[0], "voice_url"),),
            "`<Play>` of MP3, FLAC or Ogg needs soundfile, which is not installed",
            "pip install 'sipua[sounds]'; WAV files of 16-bit PCM are played without it",
            "warning",
        )


def _leads_to(menu: MenuSection, route: str) -> bool:
    actions = (*menu.keys.values(), menu.on_no_input, menu.on_invalid)
    return any(route in (action.route, action.agent) for action in actions)


def _fallback(config: Config, here: KeyPath, steps: Sequence[FallbackSection]) -> Iterator[Finding]:
    before = ""
    for index, step in enumerate(steps):
        path: KeyPath = (*here, index)
        kinds = step.kinds
        if len(kinds) != 1:
            yield Finding(
                (path,),
                "must have exactly one of engine, prompt, transfer, menu, queue, status"
                + (f", not {' and '.join(kinds)}" if kinds else ""),
                'one table for each step: { prompt = "sorry" }, { status = 503 }',
            )
            return
        (kind,) = kinds
        if kind == "engine" and step.engine not in _engines(config):
            yield _no_engine((*path, "engine"), step.engine, config)
        yield from no_menu(config, (*path, "menu"), step.menu)
        yield from no_queue(config, (*path, "queue"), step.queue)
        if kind == "engine" and before not in ("", "engine"):
            yield Finding(
                ((*path, "engine"),),
                "comes too late: engines are tried first",
                f"move it before the {before}",
            )
        if before in ("menu", "queue", "status"):
            yield Finding(
                (path,),
                f"is never reached: the {before} before it ends the call",
                "remove it, or move it up",
            )
        before = kind


def _unused(config: Config) -> Iterator[Finding]:
    used = {route.engine for route in config.routes}
    for steps in (config.calls.fallback, *(route.fallback for route in config.routes)):
        used |= {step.engine for step in steps}
    for name in config.engines:
        if name not in used:
            yield Finding(
                (("engines", name),),
                "is not used: no route and no fallback names it",
                f'engine = "{name}" under [[routes]], or fallback = [{{ engine = "{name}" }}]',
                "warning",
            )


def _engines(config: Config) -> list[str]:
    return [MAIN, *config.engines]


def _no_engine(path: KeyPath, name: str, config: Config) -> Finding:
    known = ", ".join(f'"{other}"' for other in _engines(config))
    return Finding((path,), f"there is no [engines.{name}]", f"add that section; there is {known}")


def _unknown(path: KeyPath, known: Sequence[str], kind: str, what: str) -> Finding:
    return Finding((path,), what, f"one of {', '.join(known)}" if known else f"there is no {kind}")
