"""The effective configuration as TOML, each value with its origin."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from pydantic import SecretStr

from sipua.config.load.loader import Loaded
from sipua.config.sections.schema import ANY, NAME, Table, tables, value_at
from sipua.config.values.problems import DEFAULT, KeyPath, Origin, key_name, toml_key, toml_value
from sipua.log.secret_masking import MASK, mask_text

_COMMENT_COLUMN = 46


def as_toml(loaded: Loaded) -> str:
    lines = [f"# {loaded.source}, as it is in force"]
    for table, path, model in _tables(loaded):
        lines += ["", _header(table, path)]
        for key in table.keys:
            value = toml_value(_shown(getattr(model, key.name)))
            origin = _origin(loaded, (*path, key.name))
            text = f"{key.name} = {value}"
            lines.append(f"{text:{_COMMENT_COLUMN}} # {_short(loaded, origin)}")
    return "\n".join(lines) + "\n"


def as_dict(loaded: Loaded) -> dict[str, Any]:
    """Every key by its name: its value and its origin."""
    values: dict[str, Any] = {}
    for table, path, model in _tables(loaded):
        for key in table.keys:
            where = (*path, key.name)
            origin = _origin(loaded, where)
            values[key_name(where)] = {
                "value": _shown(getattr(model, key.name)),
                "origin": origin.kind,
                "source": origin.name,
                "line": origin.line,
            }
    return {"source": loaded.source, "values": values}


def _tables(loaded: Loaded) -> Iterator[tuple[Table, KeyPath, Any]]:
    for table in tables():
        found: list[tuple[KeyPath, Any]] = [((), loaded.config)]
        for part in table.path:
            if part == ANY:
                found = [((*path, i), item) for path, node in found for i, item in enumerate(node)]
            elif part == NAME:
                found = [((*path, n), item) for path, node in found for n, item in node.items()]
            else:
                found = [((*path, part), getattr(node, part)) for path, node in found]
        yield from ((table, path, node) for path, node in found)


def _header(table: Table, path: KeyPath) -> str:
    header = table.header
    if NAME in table.path:
        header = f"[{'.'.join(toml_key(part) for part in path if isinstance(part, str))}]"
    inside_array = any(isinstance(part, int) for part in path)
    return f"{header} # {key_name(path)}" if inside_array else header


def _origin(loaded: Loaded, path: KeyPath) -> Origin:
    """The origin of a key; inside an inline table, the table's."""
    for length in range(len(path), 1, -1):
        origin = loaded.origins.get(path[:length])
        if origin is not None and (length == len(path) or _is_inline(loaded, path, length)):
            return origin
    return DEFAULT


def _is_inline(loaded: Loaded, path: KeyPath, length: int) -> bool:
    node = value_at(loaded.config, path[:length])
    name = path[length]
    return isinstance(name, str) and name in getattr(node, "model_fields_set", ())


def _short(loaded: Loaded, origin: Origin) -> str:
    if origin.kind == "file" and origin.name == loaded.source:
        return f"line {origin.line}"
    return str(origin)


def _shown(value: Any) -> Any:
    if isinstance(value, SecretStr):
        return MASK if value.get_secret_value() else ""
    if isinstance(value, dict):
        return {name: _shown(item) for name, item in value.items()}
    if isinstance(value, tuple):
        return [_shown(item) for item in value]
    return mask_text(value) if isinstance(value, str) else value
