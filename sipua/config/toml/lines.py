"""The line of each key in a TOML text; the standard parser does not give it.

Only for texts that tomllib has accepted: nothing is checked here. Keys inside inline tables
are not looked for; their problems point at the line of the table.
"""

from __future__ import annotations

import re

from sipua.config.values.problems import KeyPath

_BLANK = re.compile(r"(?:[ \t\r\n]|#[^\n]*)*")
_KEY_PART = re.compile(r"""[ \t]*(?:"((?:[^"\\]|\\.)*)"|'([^']*)'|([A-Za-z0-9_-]+))[ \t]*""")
_LITERAL = re.compile(
    r'"""(?:[^\\]|\\.)*?"{3,5}|' + r"'''.*?'{3,5}|" + r'"(?:[^"\\\n]|\\.)*"|' + r"'[^'\n]*'",
    re.DOTALL,
)


def locate(text: str) -> dict[KeyPath, int]:
    """Key path -> line, counted from 1; table headers are keys too."""
    return _Scanner(text).run()


class _Scanner:
    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0
        self._lines: dict[KeyPath, int] = {}
        self._elements: dict[KeyPath, int] = {}  # array of tables -> number so far

    def run(self) -> dict[KeyPath, int]:
        table: KeyPath = ()
        while self._skip_blank():
            line = self._text.count("\n", 0, self._at) + 1
            if self._text.startswith("[[", self._at):
                table = self._header(2)
                index = self._elements.get(table, 0)
                self._elements[table] = index + 1
                self._lines.setdefault(table, line)
                table = (*table, index)
                self._lines[table] = line
            elif self._text.startswith("[", self._at):
                table = self._header(1)
                self._lines[table] = line
            else:
                path = (*table, *self._key())
                self._at += 1  # the equals sign
                self._lines[path] = line
                self._skip_value()
        return self._lines

    def _skip_blank(self) -> bool:
        match = _BLANK.match(self._text, self._at)
        assert match is not None  # it matches the empty text too
        self._at = match.end()
        return self._at < len(self._text)

    def _key(self) -> tuple[str, ...]:
        parts: list[str] = []
        while match := _KEY_PART.match(self._text, self._at):
            parts.append(next(group for group in match.groups() if group is not None))
            self._at = match.end()
            if not self._text.startswith(".", self._at):
                break
            self._at += 1
        return tuple(parts)

    def _header(self, brackets: int) -> KeyPath:
        """Read a header. `[a.b]` below `[[a]]` belongs to the last element of a."""
        self._at += brackets
        path: KeyPath = ()
        parts = self._key()
        self._at += brackets
        for number, part in enumerate(parts, start=1):
            path = (*path, part)
            last = number == len(parts)
            if path in self._elements and not (last and brackets == 2):
                path = (*path, self._elements[path] - 1)
        return path

    def _skip_value(self) -> None:
        depth = 0
        while self._at < len(self._text):
            char = self._text[self._at]
            if char in "\"'":
                match = _LITERAL.match(self._text, self._at)
                self._at = match.end() if match else self._at + 1
                continue
            if char == "#":
                end = self._text.find("\n", self._at)
                self._at = end if end >= 0 else len(self._text)
                continue
            if char == "\n" and depth == 0:
                return
            depth += (char in "[{") - (char in "]}")
            self._at += 1
