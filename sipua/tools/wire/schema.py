"""The declarations of tools: names, descriptions, and the schemas of arguments.

A model makes mistakes: an unknown tool, invalid JSON, arguments that the schema forbids. None of
them is an error of the call. Each becomes a text that the model can understand and correct, given
back as the tool's result.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import fastjsonschema
import msgspec

_LONGEST_ARGUMENTS = 65_536
_SHOWN_CHARS = 300

Validate = Callable[[dict[str, Any]], object]


class SchemaError(ValueError):
    """A JSON schema that cannot describe a tool's arguments; the text says why."""


class ArgumentsError(ValueError):
    """The model's arguments do not fit this tool; the text tells the model why."""

    def __init__(self, reason: str, text: str) -> None:
        super().__init__(text)
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Declaration:
    """A tool as the model sees it. `parameters` is the JSON schema of its arguments."""

    name: str
    description: str
    parameters: Mapping[str, Any]

    def as_function(self) -> dict[str, Any]:
        return {
            "type": "function",
            "name": self.name,
            "description": self.description,
            "parameters": dict(self.parameters),
        }


def compile_schema(schema: Mapping[str, Any]) -> Validate:
    """The check of arguments: raises ArgumentsError. Compiled in 1 ms; a check takes 0.7 µs."""
    if schema.get("type") != "object":
        raise SchemaError('its type must be "object"')
    _refuse_remote(schema)
    try:
        check = fastjsonschema.compile(dict(schema), use_default=False)
    except fastjsonschema.JsonSchemaDefinitionException as error:
        raise SchemaError(str(error)) from None
    except re.error as error:
        raise SchemaError(f"bad pattern: {error}") from None
    except (TypeError, AttributeError, ValueError, KeyError, RecursionError) as error:
        # The library expects that a schema has the right shape.
        raise SchemaError(f"has the wrong shape: {error}") from None

    def validate(arguments: dict[str, Any]) -> None:
        try:
            check(arguments)
        except fastjsonschema.JsonSchemaValueException as error:
            raise ArgumentsError("schema", _in_words(error)) from None

    return validate


class Registry:
    """The tools that may be called. Raises ValueError unless names are unique."""

    def __init__(self, declarations: Iterable[Declaration]) -> None:
        self._declarations: dict[str, Declaration] = {}
        self._checks: dict[str, Validate] = {}
        for declaration in declarations:
            if declaration.name in self._declarations:
                raise ValueError(f"there are two tools named {declaration.name!r}")
            self._declarations[declaration.name] = declaration
            self._checks[declaration.name] = compile_schema(declaration.parameters)

    def only(self, names: Collection[str]) -> Registry:
        """A registry of these names alone, without compiling again."""
        chosen = Registry(())
        for name, declaration in self._declarations.items():
            if name in names:
                chosen._declarations[name] = declaration
                chosen._checks[name] = self._checks[name]
        return chosen

    def __contains__(self, name: str) -> bool:
        return name in self._declarations

    def functions(self) -> Sequence[dict[str, Any]]:
        """The tools in the form of the engines' declarations."""
        return [declaration.as_function() for declaration in self._declarations.values()]

    def arguments(self, name: str, text: str) -> dict[str, Any]:
        """The model's arguments, checked. Raises ArgumentsError."""
        check = self._checks.get(name)
        if check is None:
            known = ", ".join(sorted(self._checks)) or "none"
            raise ArgumentsError(
                "unknown_tool", f"There is no tool named {name[:64]!r}. The tools are: {known}."
            )
        if len(text) > _LONGEST_ARGUMENTS:
            raise ArgumentsError("too_long", "The arguments are too long.")
        try:
            arguments = msgspec.json.decode(text or "{}")
        except (msgspec.DecodeError, UnicodeError, RecursionError) as error:
            raise ArgumentsError(
                "bad_json", f"The arguments are not valid JSON: {error}."
            ) from None
        if not isinstance(arguments, dict):
            raise ArgumentsError("bad_json", "The arguments must be one JSON object.")
        check(arguments)
        return arguments


def _in_words(error: fastjsonschema.JsonSchemaValueException) -> str:
    message = error.message.removeprefix("data").removeprefix(".").strip()
    return f"The arguments do not fit the tool: {message[:_SHOWN_CHARS]}. Correct them and retry."


def _refuse_remote(node: object) -> None:
    """Refuse a `$ref` to another document: it would be fetched while the configuration is read."""
    if isinstance(node, Mapping):
        reference = node.get("$ref")
        if isinstance(reference, str) and not reference.startswith("#"):
            raise SchemaError(f"$ref {reference[:80]!r} leads out of the schema")
        for value in node.values():
            _refuse_remote(value)
    elif isinstance(node, list | tuple):
        for value in node:
            _refuse_remote(value)
