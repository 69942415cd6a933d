"""Environment variables as keys: SIPUA_SIP__PORT=5070 is `port = 5070` under `[sip]`."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sipua.config.sections.schema import ANY, PREFIX, SEPARATOR, Key, Kind, is_array, key_at, keys
from sipua.config.values.fields import nearest
from sipua.config.values.problems import KeyPath, Origin, Problem, key_name, shown

_INTEGER = re.compile(r"[+-]?[0-9]{1,18}")
_INDEX = re.compile(r"0|[1-9][0-9]{0,3}")
_TRUE = ("true", "yes", "on", "1")
_FALSE = ("false", "no", "off", "0")


@dataclass(frozen=True, slots=True)
class Override:
    path: KeyPath
    value: Any
    origin: Origin


class _BadValueError(ValueError):
    def __init__(self, what: str, fix: str) -> None:
        super().__init__(what)
        self.what = what
        self.fix = fix


def parse(environ: Mapping[str, str]) -> tuple[list[Override], list[Problem]]:
    """The overrides, elements of an array in order of their index, and the problems."""
    overrides: list[Override] = []
    problems: list[Problem] = []
    for name in sorted(environ):
        if not name.startswith(PREFIX):
            continue
        origin = Origin("env", name)
        if SEPARATOR not in name:
            # Not a key: SIPUA_DEBUG, or what Kubernetes sets for a service that is named sipua
            # (SIPUA_PORT=tcp://...). Only a near miss is reported.
            problems += _near_miss(name, origin)
            continue
        path = _path(name)
        key = key_at(path)
        # Only capitals: two spellings of one variable could contradict each other.
        if key is None or name != name.upper():
            problems.append(_unknown(name, origin))
            continue
        try:
            value = convert(key, environ[name])
        except _BadValueError as error:
            given = None if key.secret else shown(environ[name])
            problems.append(Problem(origin, key_name(path), given, error.what, error.fix))
        else:
            overrides.append(Override(path, value, origin))
    overrides.sort(key=lambda override: _order(override.path))
    return overrides, problems


def convert(key: Key, text: str) -> Any:
    """The text of a variable as the value of the file's form."""
    if key.kind is Kind.INTEGER:
        if not _INTEGER.fullmatch(text.strip()):
            raise _BadValueError("is not a whole number", f"{key.variable}=123, or unset it")
        return int(text)
    if key.kind is Kind.NUMBER:
        return _number(key, text)
    if key.kind is Kind.BOOLEAN:
        word = text.strip().lower()
        if word not in _TRUE + _FALSE:
            raise _BadValueError("is neither true nor false", f"{key.variable}=true, or =false")
        return word in _TRUE
    if key.kind is Kind.LIST:
        return [part for item in text.split(",") if (part := item.strip())]
    if key.kind is Kind.TABLE:
        return _table(key, text)
    return text


def _number(key: Key, text: str) -> int | float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise _BadValueError("is not a number", f"{key.variable}=2.5, or unset it")
    return value


def _table(key: Key, text: str) -> dict[str, Any]:
    try:
        value = json.loads(text)
    except ValueError:
        value = None
    if not isinstance(value, dict):
        raise _BadValueError(
            "is not a JSON object", f"""{key.variable}='{{"name": "value"}}', or unset it"""
        )
    return value


def _path(name: str) -> KeyPath:
    parts = name.removeprefix(PREFIX).split(SEPARATOR)
    path: list[str | int] = []
    for part in parts:
        if path and is_array(*path) and _INDEX.fullmatch(part):
            path.append(int(part))
        else:
            path.append(part.lower())
    return tuple(path)


def _near_miss(name: str, origin: Origin) -> list[Problem]:
    for key in keys().values():
        if ANY not in key.path and key.variable.replace(SEPARATOR, "_") == name:
            what = "is ignored: two underscores separate section and key"
            return [Problem(origin, "", None, what, f"{key.variable}, or unset it", "warning")]
    return []


def _unknown(name: str, origin: Origin) -> Problem:
    """The value is not shown: under an unknown name it may be a secret."""
    asked = re.sub(r"__[0-9]+__", "__0__", name).upper()
    near = nearest(asked, [key.variable for key in keys().values()])
    fix = f"did you mean {near}?" if near else "`sipua config docs` lists them all; or unset it"
    return Problem(origin, "", None, "there is no such key", fix)


def _order(path: KeyPath) -> tuple[tuple[int, str], ...]:
    return tuple((part, "") if isinstance(part, int) else (-1, part) for part in path)
