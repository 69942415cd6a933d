"""The schema as a flat list of keys: for environment variables, documents and suggestions."""

from __future__ import annotations

import enum
import functools
import operator
import typing
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel, SecretStr
from pydantic.fields import FieldInfo

from sipua.config.sections.config import Config
from sipua.config.values.problems import KeyPath

PREFIX = "SIPUA_"
SEPARATOR = "__"
ANY = "*"  # in place of the index of an array of tables
NAME = "NAME"  # in place of the name that a user gave a table, as in [engines.backup]


class Kind(enum.Enum):
    INTEGER = "integer"
    NUMBER = "number"
    BOOLEAN = "true or false"
    TEXT = "text"
    CHOICE = "one of"
    SECRET = "secret text"  # noqa: S105 - the name of a kind
    LIST = "list of texts"
    TABLE = "table"


_KINDS: dict[object, Kind] = {
    int: Kind.INTEGER,
    float: Kind.NUMBER,
    bool: Kind.BOOLEAN,
    str: Kind.TEXT,
    SecretStr: Kind.SECRET,
    tuple: Kind.LIST,
    dict: Kind.TABLE,
}


@dataclass(frozen=True, slots=True)
class Key:
    """One key; in its path `*` stands for the index of an array of tables, `NAME` for a name."""

    path: tuple[str, ...]
    field: FieldInfo
    kind: Kind
    choices: tuple[str, ...] = ()
    secret: bool = False
    """Whether its value, or each value of its table, is never shown."""

    @property
    def name(self) -> str:
        return self.path[-1]

    @property
    def marks(self) -> list[object]:
        return self.field.metadata

    @property
    def table(self) -> tuple[str, ...]:
        return self.path[:-1]

    @property
    def variable(self) -> str:
        """The environment variable; for an array of tables, of the first element."""
        return PREFIX + SEPARATOR.join("0" if part == ANY else part.upper() for part in self.path)


@dataclass(frozen=True, slots=True)
class Table:
    path: tuple[str, ...]
    model: type[BaseModel]
    keys: tuple[Key, ...]

    @property
    def header(self) -> str:
        """The table's header in the file."""
        name = ".".join(part for part in self.path if part != ANY)
        return f"[[{name}]]" if self.path[-1:] == (ANY,) else f"[{name}]"


@functools.cache
def tables() -> tuple[Table, ...]:
    """Every table, a nested one after its parent."""
    return tuple(_tables((), Config))


@functools.cache
def keys() -> dict[tuple[str, ...], Key]:
    return {key.path: key for table in tables() for key in table.keys}


def key_at(path: KeyPath) -> Key | None:
    return keys().get(pattern(path))


def pattern(path: KeyPath) -> tuple[str, ...]:
    parts: tuple[str, ...] = ()
    for part in path:
        parts = (*parts, NAME if is_named(*parts) else ANY if isinstance(part, int) else part)
    return parts


@functools.cache
def is_named(*above: str) -> bool:
    """Whether the tables in it have names of the user's choice: `[engines.backup]`. `above`: its
    pattern."""
    depth = len(above)
    return any(table.path[: depth + 1] == (*above, NAME) for table in tables())


def value_at(config: Config, path: KeyPath) -> Any:
    node: Any = config
    for part in path:
        # A tuple for an index, a dict for the name of a named table.
        inside = isinstance(node, tuple | dict)
        node = operator.getitem(node, part) if inside else getattr(node, str(part))
    return node


def is_array(*path: str | int) -> bool:
    """Whether it is an array of tables: `accounts`, or one inside a section."""
    wanted = (*pattern(path), ANY)
    return any(table.path == wanted for table in tables())


def is_secret(path: KeyPath) -> bool:
    """Whether the value is secret; also in tables of secrets such as `engine.headers`."""
    key = key_at(path) or key_at(path[:-1])
    return key is not None and key.secret


def _tables(path: tuple[str, ...], model: type[BaseModel]) -> list[Table]:
    own: list[Key] = []
    nested: list[Table] = []
    for name, field in model.model_fields.items():
        below = (*path, name)
        element, mark = _element_model(field.annotation)
        if element is not None:
            nested += _tables((*below, mark), element)
        elif isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
            nested += _tables(below, field.annotation)
        else:
            own.append(_key(below, field))
    return [Table(path, model, tuple(own)), *nested] if own else nested


def _element_model(annotation: object) -> tuple[type[BaseModel] | None, str]:
    """The model of the elements of an array of tables, or of a table of named ones."""
    origin, arguments = typing.get_origin(annotation), typing.get_args(annotation)
    if origin in (tuple, dict):
        element, mark = (arguments[0], ANY) if origin is tuple else (arguments[1], NAME)
        if isinstance(element, type) and issubclass(element, BaseModel):
            return element, mark
    return None, ""


def _key(path: tuple[str, ...], field: FieldInfo) -> Key:
    annotation = field.annotation
    origin = typing.get_origin(annotation)
    if origin is typing.Literal:
        return Key(path, field, Kind.CHOICE, tuple(typing.get_args(annotation)))
    kind = _KINDS[origin or annotation]
    element = typing.get_args(annotation)[0] if kind is Kind.LIST else None
    return Key(
        path,
        field,
        kind,
        typing.get_args(element) if typing.get_origin(element) is typing.Literal else (),
        secret=kind is Kind.SECRET or _holds_secrets(annotation),
    )


def _holds_secrets(annotation: object) -> bool:
    """Whether it is a `dict[str, Secret]`, such as a table of headers."""
    if typing.get_origin(annotation) is not dict:
        return False
    value = typing.get_args(annotation)[1]
    return SecretStr in (value, *typing.get_args(value))
