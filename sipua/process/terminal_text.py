"""Texts for a terminal: without control characters, and of a known width.

Whatever comes from outside (callers' names, words of models, reasons of peers) goes through `clean`
before it is printed: an escape sequence in it would be obeyed by the terminal of the person who
reads.
"""

from __future__ import annotations

import json
import re
import unicodedata
from typing import Final

_CONTROL: Final = re.compile(
    "[\x00-\x1f\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ud800-\udfff]"
)
"""C0 and C1; what changes the direction of the rest of the line, or cannot be seen; surrogates."""

_IN_JSON: Final = re.compile(
    "[\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ud800-\udfff]"
)
"""C0 never stands in a text of JSON; outside of texts it is a line's end."""


def clean(text: object) -> str:
    return _CONTROL.sub(lambda match: f"\\x{ord(match[0]):02x}", str(text))


def clean_json(text: str) -> str:
    """JSON that means the same, with what `clean` takes away as JSON escapes."""
    return _IN_JSON.sub(lambda match: f"\\u{ord(match[0]):04x}", text)


def json_text(value: object, *, indent: int | None = None) -> str:
    """As JSON for a terminal or a script, with the line's end."""
    return clean_json(json.dumps(value, indent=indent, ensure_ascii=False)) + "\n"


def width(text: str) -> int:
    """In cells of the terminal."""
    return len(text) if text.isascii() else sum(map(_cells, text))


def cut(text: str, cells: int) -> str:
    """At most so many cells of it; what is missing is told by `…`."""
    if width(text) <= cells:
        return text
    kept, used = [], 0
    for char in text:
        used += _cells(char)
        if used > cells - 1:
            break
        kept.append(char)
    return "".join(kept) + "…" * (cells > 0)


def fit(text: str, cells: int, *, right: bool = False) -> str:
    """Exactly so many cells: cut, or filled up."""
    shown = cut(text, cells)
    filler = " " * (cells - width(shown))
    return filler + shown if right else shown + filler


def _cells(char: str) -> int:
    if unicodedata.combining(char) or unicodedata.category(char) in ("Mn", "Me"):
        return 0
    return 2 if unicodedata.east_asian_width(char) in ("W", "F") else 1
