"""Contradictions of menus: names that do not exist, keys that lead nowhere or to two places."""

from __future__ import annotations

from collections.abc import Iterator

from sipua.config.checks.findings import Finding
from sipua.config.sections.config import Config
from sipua.config.sections.menus import MenuActionSection, MenuSection
from sipua.config.values.problems import KeyPath

_KINDS = ", ".join(MenuActionSection.model_fields)


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
            yield from _action(config, (*here, "keys", key), action)
        for name in ("on_no_input", "on_invalid"):
            action = getattr(menu, name)
            if action.kinds:  # left out: the call ends
                yield from _action(config, (*here, name), action)
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


def _action(config: Config, path: KeyPath, action: MenuActionSection) -> Iterator[Finding]:
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


def _named_elsewhere(config: Config) -> Iterator[Finding]:
    used = {route.menu for route in config.routes}
    for steps in (config.calls.fallback, *(route.fallback for route in config.routes)):
        used |= {step.menu for step in steps}
    for menu in config.menus:
        actions = (*menu.keys.values(), menu.on_no_input, menu.on_invalid)
        used |= {action.menu for action in actions if action.menu != menu.name}
    for index, menu in enumerate(config.menus):
        if menu.name not in used:
            yield Finding(
                (("menus", index, "name"),),
                "is not used: no route, no fallback and no other menu names it",
                f'menu = "{menu.name}" under [[routes]], or in a fallback',
                "warning",
            )
