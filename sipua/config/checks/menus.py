"""Contradictions of menus: names that do not exist, keys that lead nowhere or to two places."""

from __future__ import annotations

from collections.abc import Iterator

from sipua.config.checks.findings import Finding
from sipua.config.sections.actions import ActionSection
from sipua.config.sections.config import Config
from sipua.config.sections.menus import MenuSection
from sipua.config.values.problems import KeyPath

_KINDS = ", ".join(ActionSection.model_fields)


def menus(config: Config) -> Iterator[Finding]:
    names: dict[str, KeyPath] = {}
    for index, menu in enumerate(config.menus):
        here: KeyPath = ("menus", index)
        first = names.setdefault(menu.name, (*here, "name"))
        if first != (*here, "name"):
            yield Finding(
                ((*here, "name"), first),
                "is the name of another menu",
                f'another name, such as "{menu.name}-2"',
            )
        yield from _prompt(here, menu)
        if not menu.keys:
            yield Finding(
                ((*here, "keys"), here),
                "is missing: no key of this menu leads anywhere",
                '[menus.keys] and below it 1 = { agent = "sales" }',
            )
        for key, action in menu.keys.items():
            yield from an_action(config, (*here, "keys", key), action)
        for name in ("on_no_input", "on_invalid", "closed"):
            action = getattr(menu, name)
            if action.kinds:  # left out: the call ends
                yield from an_action(config, (*here, name), action)
    yield from _named_elsewhere(config)


def _prompt(here: KeyPath, menu: MenuSection) -> Iterator[Finding]:
    if menu.prompt and menu.text:
        yield Finding(
            ((*here, "text"), (*here, "prompt")),
            "stands beside prompt: the caller can hear one of them",
            "remove one",
        )
    if not menu.prompt and not menu.text:
        yield Finding(
            ((*here, "prompt"), (*here, "text")),
            "is missing: the caller would hear nothing",
            'prompt = "menu.wav", or text = "For sales, press 1."',
        )


def an_action(config: Config, path: KeyPath, action: ActionSection) -> Iterator[Finding]:
    kinds = action.kinds
    if len(kinds) != 1:
        yield Finding(
            (path,),
            f"must have exactly one of {_KINDS}"
            + (f", not {' and '.join(kinds)}" if kinds else ""),
            '{ agent = "sales" }, or { hang_up = true }',
        )
        return
    (kind,) = kinds
    if kind == "menu":
        yield from no_menu(config, (*path, "menu"), action.menu)
    elif kind == "queue":
        yield from no_queue(config, (*path, "queue"), action.queue)
    elif kind in ("route", "agent"):
        name = getattr(action, kind)
        known = [route.name for route in config.routes]
        if name not in known:
            listed = ", ".join(f'"{other}"' for other in known)
            fix = f"one of {listed}" if known else f'[[routes]] with name = "{name}"'
            yield Finding(((*path, kind),), f'there is no route "{name}"', fix)


def no_menu(config: Config, path: KeyPath, name: str) -> Iterator[Finding]:
    """Whether a key names a menu that does not exist."""
    known = [menu.name for menu in config.menus]
    if name and name not in known:
        listed = ", ".join(f'"{other}"' for other in known)
        fix = f"one of {listed}" if known else f'[[menus]] with name = "{name}"'
        yield Finding((path,), f'there is no menu "{name}"', fix)


def no_queue(config: Config, path: KeyPath, name: str) -> Iterator[Finding]:
    """Whether a key names a queue that does not exist."""
    known = [queue.name for queue in config.queues]
    if name and name not in known:
        listed = ", ".join(f'"{other}"' for other in known)
        fix = f"one of {listed}" if known else f'[[queues]] with name = "{name}"'
        yield Finding((path,), f'there is no queue "{name}"', fix)


def every_action(config: Config) -> Iterator[tuple[KeyPath, ActionSection]]:
    """All actions of menus, queues and routes, with where each stands."""
    for index, menu in enumerate(config.menus):
        for key, action in menu.keys.items():
            yield ("menus", index, "keys", key), action
        for name in ("on_no_input", "on_invalid", "closed"):
            yield ("menus", index, name), getattr(menu, name)
    for index, queue in enumerate(config.queues):
        for key, action in queue.keys.items():
            yield ("queues", index, "keys", key), action
        for name in ("on_timeout", "on_full", "closed"):
            yield ("queues", index, name), getattr(queue, name)
    for index, route in enumerate(config.routes):
        yield ("routes", index, "closed"), route.closed


def _named_elsewhere(config: Config) -> Iterator[Finding]:
    used = {route.menu for route in config.routes}
    for steps in (config.calls.fallback, *(route.fallback for route in config.routes)):
        used |= {step.menu for step in steps}
    own: dict[KeyPath, str] = {("menus", at): menu.name for at, menu in enumerate(config.menus)}
    used |= {one.menu for at, one in every_action(config) if one.menu != own.get(at[:2])}
    for index, menu in enumerate(config.menus):
        if menu.name not in used:
            yield Finding(
                (("menus", index, "name"),),
                "is not used: no route, fallback, queue or other menu names it",
                f'menu = "{menu.name}" under [[routes]], or in a fallback',
                "warning",
            )
