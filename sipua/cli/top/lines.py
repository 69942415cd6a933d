"""Lines of a screen: pieces of text, each with a style. Here all text becomes clean."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, Literal, TypeAlias

from sipua.process.terminal_text import clean, cut, fit, width

Style: TypeAlias = Literal["", "bold", "dim", "good", "warn", "bad", "head", "chosen", "key"]
_PLAIN: Final[dict[Style, str]] = {
    "bold": "1",
    "dim": "2",
    "warn": "1",
    "bad": "1;4",
    "head": "1",
    "chosen": "7",
    "key": "1",
}
"""Attributes that are no colours."""
_COLOURED: Final[dict[Style, str]] = {
    **_PLAIN,
    "good": "32",
    "warn": "33",
    "bad": "1;31",
    "head": "1",
    "key": "36",
}

_SEEN_CHOSEN: Final = ("warn", "bad")
"""Styles that the line under the cursor keeps."""


class Line:
    """Text of a screen's line. `add` is the one door for text: what was made by others must not
    steer the terminal.
    """

    __slots__ = ("_pieces", "cells", "chosen")

    def __init__(self, text: object = "", style: Style = "") -> None:
        self._pieces: list[tuple[str, Style]] = []
        self.cells = 0
        self.chosen = False
        if text != "":
            self.add(text, style)

    def add(
        self, text: object, style: Style = "", *, cells: int | None = None, right: bool = False
    ) -> Line:
        """`cells`: exactly so many."""
        shown = clean(text)
        if cells is not None:
            shown = fit(shown, cells, right=right)
        self._pieces.append((shown, style))
        self.cells += width(shown)
        return self

    @property
    def text(self) -> str:
        return "".join(text for text, _ in self._pieces)

    def ansi(self, columns: int, *, colour: bool) -> str:
        """At most so many cells, with SGR sequences."""
        codes = _COLOURED if colour else _PLAIN
        parts, left = [], columns
        for text, style in self._pieces:
            shown = cut(text, left)
            left -= width(shown)
            code = codes.get(style, "") if not self.chosen or style in _SEEN_CHOSEN else ""
            if self.chosen:
                code = f"7;{code}" if code else "7"
            parts.append(f"\x1b[{code}m{shown}\x1b[0m" if code and shown else shown)
            if left <= 0:
                break
        if self.chosen and left > 0:
            parts.append(f"\x1b[7m{' ' * left}\x1b[0m")
        return "".join(parts)


def plain(lines: Sequence[Line], columns: int) -> str:
    """For a file or a pipe."""
    return "".join(f"{cut(line.text, columns).rstrip()}\n" for line in lines)
