"""A configuration as a flat list of values, each under a key that says what it is of.

An element of an array is known by its name, and so is its key: a route that is put before the
others changes none of them. Two files with the same values make the same list, whatever the order
of their keys.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel, SecretStr

from sipua.config.change.classes import When, when, when_table
from sipua.config.sections.config import Config
from sipua.config.sections.schema import ANY, NAME, is_array, is_named
from sipua.config.values.problems import toml_key
from sipua.log.secret_masking import secrets_in_url

_NAMES = ("name", "label")
# Where a key that is left out means another section's, and not the default.
_INHERIT = ("routes", "engines")


class LeftOut:
    """In the place of a value: another section has it."""


LEFT_OUT = LeftOut()


@dataclass(frozen=True, slots=True)
class Value:
    key: str
    """As a person would say it: `routes[sales].instructions`."""
    value: Any
    when: When


@dataclass(frozen=True, slots=True)
class Element:
    """An element of an array, or a table with a name."""

    key: str
    when: When
    model: BaseModel


@dataclass(frozen=True, slots=True)
class Order:
    """The elements of an array, in their order."""

    key: str
    names: tuple[str, ...]
    when: When | None
    """None: there is none whose class could be told."""


Item = Value | Element | Order


def items(config: Config) -> Iterator[Item]:
    """All, an element before what is in it."""
    for name in Config.model_fields:
        yield from _field(config, name, "", ())


def _inside(model: BaseModel, key: str, pattern: tuple[str, ...]) -> Iterator[Item]:
    for name in type(model).model_fields:
        yield from _field(model, name, key, pattern)


def _field(model: BaseModel, name: str, above: str, table: tuple[str, ...]) -> Iterator[Item]:
    value = getattr(model, name)
    key, pattern = f"{above}.{name}" if above else name, (*table, name)
    if isinstance(value, BaseModel):
        yield from _inside(value, key, pattern)
    elif is_array(*pattern):
        yield from _array(value, key, (*pattern, ANY))
    elif is_named(*pattern):
        for label, element in value.items():
            yield from _element(element, f"{key}.{toml_key(label)}", (*pattern, NAME))
    else:
        left_out = table[:1] and table[0] in _INHERIT and name not in model.model_fields_set
        yield Value(key, LEFT_OUT if left_out else value, when(table, name))


def _array(elements: Sequence[BaseModel], key: str, pattern: tuple[str, ...]) -> Iterator[Item]:
    names = _names(elements)
    yield Order(key, names, when_table(pattern) if elements else None)
    for name, element in zip(names, elements, strict=True):
        yield from _element(element, f"{key}[{name}]", pattern)


def _element(element: BaseModel, key: str, pattern: tuple[str, ...]) -> Iterator[Item]:
    yield Element(key, when_table(pattern), element)
    yield from _inside(element, key, pattern)


def _names(elements: Sequence[BaseModel]) -> tuple[str, ...]:
    """Their names, or their numbers where these are not unique."""
    for field in _NAMES:
        if all(field in type(one).model_fields for one in elements):
            names = tuple(str(getattr(one, field)) for one in elements)
            if len(set(names)) == len(names):
                return names
    return tuple(str(index) for index in range(len(elements)))


def secrets(value: object) -> Iterator[str]:
    """Every secret in a value, which may be a whole configuration, in its order."""
    if isinstance(value, SecretStr):
        yield value.get_secret_value()
    elif isinstance(value, str):
        yield from secrets_in_url(value)
    elif isinstance(value, BaseModel):
        for name in type(value).model_fields:
            yield from secrets(getattr(value, name))
    elif isinstance(value, dict):
        for name in sorted(value):
            yield from secrets(value[name])
    elif isinstance(value, tuple | list):
        for one in value:
            yield from secrets(one)


def without_secrets(value: object) -> Any:
    """The value with `True` in the place of each secret, `False` where there is none."""
    if isinstance(value, SecretStr):
        return bool(value.get_secret_value())
    if isinstance(value, dict):
        return {name: without_secrets(one) for name, one in value.items()}
    if isinstance(value, tuple | list):
        return [without_secrets(one) for one in value]
    return value
