"""The reader of the TOML file; it explains why a file cannot be read."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path
from typing import Any

from sipua.config.sections.schema import keys
from sipua.config.values.fields import nearest
from sipua.config.values.problems import Origin, Problem

_POSITION = re.compile(
    r"^(?P<what>.*?) \(at (?:line (?P<line>\d+), column (?P<column>\d+)|end.*)\)$"
)
_ASSIGNMENT = re.compile(r"\s*([A-Za-z0-9_-]+)\s*=")

_QUOTES = 'text stands in double quotes: host = "127.0.0.1"; true and false in small letters'
_HINTS = (
    ("Expected newline or end of document after a statement", _QUOTES),
    ("Invalid value", _QUOTES),
    ("Illegal character", "a text ends with a double quote in the line in which it begins"),
    ("Unterminated string", "a text ends with a double quote in the line in which it begins"),
    ("Unescaped '\\' in a string", r"write a backslash as \\, or use single quotes"),
    ("Unclosed array", "a list ends with ]"),
    ("Cannot overwrite a value", "the key stands twice in this section; keep one"),
    ("Cannot declare", "the section stands twice; write its keys under one header"),
    ("Expected '=' after a key", "a line is a key, an equals sign and a value: port = 5060"),
)


class UnreadableError(Exception):
    def __init__(self, problem: Problem) -> None:
        super().__init__(problem)
        self.problem = problem


def read_toml(path: Path) -> tuple[str, dict[str, Any]]:
    """The file's text and its contents."""
    origin = Origin("file", str(path))
    try:
        data = path.read_bytes()
    except FileNotFoundError:
        raise _unreadable(origin, "there is no such file", _other_file(path)) from None
    except IsADirectoryError:
        raise _unreadable(origin, "is a directory", f"{path}/edge.toml?") from None
    except PermissionError:
        fix = "chown or chmod it for the user that runs sipua"
        raise _unreadable(origin, "may not be read by this user", fix) from None
    except OSError as error:
        what = f"cannot be read: {error.strerror or error}"
        raise _unreadable(origin, what, "check the path") from None
    try:
        text = data.decode()
    except UnicodeDecodeError as error:
        origin = Origin("file", str(path), data.count(b"\n", 0, error.start) + 1)
        raise _unreadable(origin, "is not UTF-8 text", "save it as UTF-8") from None
    if text.startswith("\ufeff"):
        fix = "save it as UTF-8 without BOM"
        raise _unreadable(origin, "begins with a byte order mark", fix)
    try:
        return text, tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise UnreadableError(_syntax(path, text, str(error))) from None


def _unreadable(origin: Origin, what: str, fix: str) -> UnreadableError:
    return UnreadableError(Problem(origin, "", None, what, fix))


def _other_file(path: Path) -> str:
    try:
        names = [entry.name for entry in path.parent.iterdir() if entry.suffix == ".toml"]
    except OSError:
        return f"there is no folder {path.parent} either: check the path"
    near = nearest(path.name, names)
    if near is not None:
        return f"did you mean {path.parent / near}?"
    return "check the path; `sipua config docs` prints what may stand in a file"


def _syntax(path: Path, text: str, message: str) -> Problem:
    match = _POSITION.match(message)
    what = match["what"] if match else message
    line = int(match["line"]) if match and match["line"] else text.count("\n") + 1
    column = f", column {match['column']}" if match and match["column"] else ""
    fix = next((hint for start, hint in _HINTS if what.startswith(start)), _QUOTES)
    key = _key_of_line(text, line)
    value = "…" if key else None
    origin = Origin("file", str(path), line)
    return Problem(origin, key, value, f"is not valid TOML: {what}{column}", fix)


def _key_of_line(text: str, line: int) -> str:
    """The key's name when it is known. Never the rest of the line: it may be a secret."""
    lines = text.splitlines()
    match = _ASSIGNMENT.match(lines[line - 1]) if line <= len(lines) else None
    known = {key.name for key in keys().values()}
    return match[1] if match and match[1] in known else ""
