"""The problems of a configuration, as texts for the operator who has to mend them."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from sipua.log.secret_masking import mask_text

KeyPath = tuple[str | int, ...]
Severity = Literal["error", "warning"]

_LONGEST_VALUE = 70


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a value was written."""

    kind: Literal["default", "demo", "file", "env"]
    name: str = ""  # the file's path, or the environment variable
    line: int | None = None

    def __str__(self) -> str:
        if self.kind == "env":
            return f"environment {self.name}"
        if self.kind == "file":
            return self.name if self.line is None else f"{self.name}:{self.line}"
        return "built-in demo" if self.kind == "demo" else "default"


DEFAULT = Origin("default")


@dataclass(frozen=True, slots=True)
class Problem:
    """One problem: its place, its key, the value (already masked), the reason, what to do."""

    origin: Origin
    key: str
    value: str | None
    what: str
    fix: str
    severity: Severity = "error"

    def __str__(self) -> str:
        place = self.key if self.value is None else f"{self.key} = {self.value}"
        if self.origin.kind in ("default", "demo"):
            head = f"{place} ({self.origin})"
        else:
            head = f"{self.origin}: {place}" if place else str(self.origin)
        return "\n".join(
            [
                f"  {head}",
                _hanging(f"    {self.severity}: ", self.what),
                _hanging("    fix: ", self.fix),
            ]
        )

    def as_dict(self) -> dict[str, str | int | None]:
        return {
            "severity": self.severity,
            "key": self.key,
            "value": self.value,
            "problem": self.what,
            "fix": self.fix,
            "origin": self.origin.kind,
            "source": self.origin.name,
            "line": self.origin.line,
        }


class ConfigError(Exception):
    """The configuration cannot be used. Holds every problem that was found, warnings too."""

    def __init__(self, source: str, problems: Sequence[Problem]) -> None:
        super().__init__(source, tuple(problems))
        self.source = source
        self.problems = tuple(problems)

    def __str__(self) -> str:
        return report(self.source, self.problems)


def report(source: str, problems: Sequence[Problem]) -> str:
    blocks = [f"{source}: {count(problems)}", *(str(problem) for problem in problems)]
    return "\n\n".join(blocks)


def count(problems: Sequence[Problem]) -> str:
    errors = sum(problem.severity == "error" for problem in problems)
    warnings = len(problems) - errors
    parts = [
        f"{number} {noun}{'' if number == 1 else 's'}"
        for number, noun in ((errors, "error"), (warnings, "warning"))
        if number
    ]
    return ", ".join(parts) or "no problems"


def key_name(path: KeyPath) -> str:
    """The key as text: `accounts[0].registrar`."""
    name = ""
    for part in path:
        if isinstance(part, int):
            name += f"[{part}]"
        else:
            name += f".{part}" if name else part
    return name


def toml_value(value: Any) -> str:
    """A value in the form of the file."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")
    if isinstance(value, list | tuple):
        return "[" + ", ".join(toml_value(item) for item in value) + "]"
    if isinstance(value, dict):
        pairs = (f"{toml_key(str(key))} = {toml_value(item)}" for key, item in value.items())
        return "{ " + ", ".join(pairs) + " }" if value else "{}"
    return str(value).removesuffix(".0") if isinstance(value, float) else str(value)


def toml_key(key: str) -> str:
    bare = key.isascii() and key.replace("-", "").replace("_", "").isalnum()
    return key if bare else toml_value(key)


def shown(value: Any) -> str:
    """A value for a message: masked and shortened."""
    text = mask_text(toml_value(value))
    return text if len(text) <= _LONGEST_VALUE else text[: _LONGEST_VALUE - 1] + "…"


def _hanging(label: str, text: str) -> str:
    return label + text.replace("\n", "\n" + " " * len(label))
