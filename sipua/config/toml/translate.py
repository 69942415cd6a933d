"""pydantic's errors in words for the user."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from pydantic import BaseModel
from pydantic_core import ErrorDetails

from sipua.config.sections.schema import (
    Table,
    is_array,
    is_named,
    is_secret,
    key_at,
    pattern,
    tables,
)
from sipua.config.values.fields import nearest
from sipua.config.values.problems import KeyPath, key_name, toml_value

RESERVED_NAME = "engine"
_NAME = re.compile(r"[a-z][a-z0-9_-]{0,31}")

Words = tuple[str, str]  # what is wrong, what to do


def explain(path: KeyPath, error: ErrorDetails) -> Words:
    kind = error["type"]
    context = error.get("ctx", {})
    if kind == "wrong":
        return context["what"], context["fix"]
    if kind == "extra_forbidden":
        return _dotted_name(path, error["input"]) or unknown_key(path)
    if kind == "missing":
        key = key_at(path)
        example = toml_value(key.field.examples[0]) if key and key.field.examples else "..."
        return "is missing", f"{path[-1]} = {example}"
    if kind == "tuple_type" and is_array(*path):
        return wrong_shape(*path)
    if kind in _WRONG_TYPE:
        return _wrong_type(path, error["input"], _WRONG_TYPE[kind])
    if kind == "literal_error":
        return _wrong_choice(path, error["input"])
    if kind in _BOUNDS:
        return _BOUNDS[kind](context)
    return error["msg"], "see docs/configuration.md"


def unknown_key(path: KeyPath) -> Words:
    """The nearest key of the same table, or the table in which the key does exist."""
    word = str(path[-1])
    where = pattern(path[:-1])
    table = next((table for table in tables() if table.path == where), None)
    if table is None:
        return "there is no such key", "remove it"
    names = _names(table)
    near = nearest(word, names)
    if near is not None:
        return f"there is no such key in {table.header}", f"did you mean {near}?"
    elsewhere = [other.header for other in tables() if word in _names(other)]
    if elsewhere:
        return f"there is no such key in {table.header}", f"it belongs to {' or '.join(elsewhere)}"
    return f"there is no such key in {table.header}", f"remove it; known: {', '.join(names)}"


def _dotted_name(path: KeyPath, value: object) -> Words | None:
    """`[prices.gpt-4.1]` is 1 below gpt-4 for TOML: a name with dots needs quotes."""
    if path[0] != "prices" or not isinstance(value, dict):
        return None
    name = ".".join(map(str, path[1:]))
    return "is a table inside a model's table", f'[prices."{name}"]: a dot in a name wants quotes'


def meant_key(path: KeyPath) -> str:
    """The key that was misspelt, or an empty text."""
    table = next((table for table in tables() if table.path == pattern(path[:-1])), None)
    return (nearest(str(path[-1]), _names(table)) if table else None) or ""


def unknown_section(name: str, value: object) -> Words:
    sections = list(dict.fromkeys(table.path[0] for table in tables()))
    near = nearest(name, sections)
    if not isinstance(value, dict | list):
        homes = [table.header for table in tables() if name in _names(table)]
        if homes:
            return "stands before any section", f"move it under {' or '.join(homes)}"
    what = "there is no such section"
    if near is not None:
        return what, f"did you mean {_header(near)}?"
    return what, f"remove it; known: {', '.join(_header(section) for section in sections)}"


def wrong_shape(*path: str | int) -> Words:
    header = _header(*path)
    if is_array(*path):
        return f"is a list: each entry begins with {header}", f"write {header}"
    return "is a section of its own, there is one of it", f"write {header}"


def wrong_name(section: str, name: str, entry: object) -> Words | None:
    """The fault in the name of a table that a user has named. None: it has none."""
    if not isinstance(entry, dict):
        return (
            "is not a table: each section has a name",
            f"write [{section}.NAME] and its keys below",
        )
    if section == "prices":  # a model's name, chosen by its vendor
        what = "a model's name is one line"
        return None if name.isprintable() and name else (what, f'[{section}."gpt-realtime"]')
    if not _NAME.fullmatch(name):
        what = "a name has small letters, digits, dashes and underscores, 32 at most"
        return what, f"[{section}.backup]"
    if name == RESERVED_NAME:
        return "is the name of the section [engine]", f"another name, such as [{section}.backup]"
    return None


def _header(*path: str | int) -> str:
    name = ".".join(part for part in path if isinstance(part, str))
    if is_named(name):
        return f"[{name}.NAME]"
    return f"[[{name}]]" if is_array(*path) else f"[{name}]"


def _names(table: Table) -> list[str]:
    return list(table.model.model_fields)


def _wrong_type(path: KeyPath, given: object, wanted: str) -> Words:
    what = f"must be {wanted}, not {_type_name(given)}"
    name = path[-1] if isinstance(path[-1], str) else key_name(path[-2:])
    fix: str | None = None
    if wanted in ("a whole number", "a number") and isinstance(given, str):
        digits = given.strip()
        fix = digits if digits.removeprefix("-").replace(".", "", 1).isdigit() else None
    elif wanted == "true or false":
        word = str(given).lower()
        fix = {"1": "true", "yes": "true", "on": "true", "true": "true"}.get(word, "false")
    elif wanted == "text" and isinstance(given, int | float) and not isinstance(given, bool):
        fix = "..." if is_secret(path) else f'"{given}"'
    elif wanted == "a table" and isinstance(given, str) and path[-2:-1] == ("fallback",):
        return what, f'{{ engine = "{given}" }}, or {{ prompt = "sorry" }}, {{ status = 503 }}'
    elif wanted == "a list" and isinstance(given, str):
        fix = toml_value([part.strip() for part in given.split(",")])
    return what, f"{name} = {fix}" if fix is not None else f"write {_FORMS[wanted]}"


def _wrong_choice(path: KeyPath, given: object) -> Words:
    key = key_at(path) or key_at(path[:-1])  # of a list, the entry is wrong
    choices = list(key.choices) if key else []
    listed = " or ".join(toml_value(choice) for choice in choices)
    near = nearest(str(given), [choice for choice in choices if choice])
    fix = toml_value(near or choices[0])
    return f"must be {listed}", fix if isinstance(path[-1], int) else f"{path[-1]} = {fix}"


def _type_name(value: object) -> str:
    for types, name in _TYPE_NAMES:
        if isinstance(value, types):
            return name
    return f"a {type(value).__name__}"


_TYPE_NAMES: tuple[tuple[Any, str], ...] = (
    (bool, "true or false"),
    (str, "text"),
    (int, "a whole number"),
    (float, "a number with a fraction"),
    (list | tuple, "a list"),
    (dict | BaseModel, "a table"),
)

_WRONG_TYPE = {
    "int_type": "a whole number",
    "float_type": "a number",
    "bool_type": "true or false",
    "string_type": "text",
    "tuple_type": "a list",
    "dict_type": "a table",
    "model_type": "a table",
}

_FORMS = {
    "a whole number": "digits without quotes",
    "a number": "digits without quotes",
    "true or false": "true or false without quotes",
    "text": "it in double quotes",
    "a list": 'a list: ["...", "..."]',
    "a table": 'a table: { name = "value" }',
}

_BOUNDS: Mapping[str, Callable[[Mapping[str, Any]], Words]] = {
    "greater_than": lambda ctx: ("is too small", f"more than {ctx['gt']:g}"),
    "greater_than_equal": lambda ctx: ("is too small", f"at least {ctx['ge']:g}"),
    "less_than": lambda ctx: ("is too large", f"less than {ctx['lt']:g}"),
    "less_than_equal": lambda ctx: ("is too large", f"at most {ctx['le']:g}"),
    "finite_number": lambda _: ("is not a finite number", "write a plain number"),
}
