"""Whether a call is that of a number, and rows of calls without numbers. Pure.

A call is the caller's when the other side's number is theirs. Where only the last digits were kept,
that cannot be known; such calls are found only when it is asked for.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, Final

import msgspec

from sipua.outputs.cdr.row import Row

_USER: Final = re.compile(r"(?:sips?|tel):([^@;>\s]{1,512})")
_SEPARATORS: Final = re.compile(r"[\s()./-]")
_CUT: Final = "…"
_OF_PARTIES: Final = ("from", "to", "called")
_OF_CALLER: Final = ("number", "received", "name")


@dataclass(frozen=True, slots=True)
class Wanted:
    number: str
    last_digits: bool = False

    def is_of(self, direction: str, from_: str | None, to: str | None) -> bool:
        return self._same(to if direction == "outgoing" else from_)

    def is_of_row(self, row: Row) -> bool:
        """The header that was believed counts as well: From may have said nothing."""
        caller = row.caller if row.direction != "outgoing" else None
        more = (caller.number, caller.received) if caller is not None else ()
        return self.is_of(row.direction, row.from_, row.to) or any(map(self._same, more))

    def is_number(self, kept: str) -> bool:
        return self._same(kept)

    def _same(self, kept: str | None) -> bool:
        return same_number(self.number, kept or "", last_digits=self.last_digits)

    @property
    def end(self) -> str:
        """Letters and digits that a text must have, one behind the other, to be of this number."""
        signs = re.sub(r"[^0-9a-z]", "", _plain(self.number))
        return signs[-2:] if self.last_digits else signs[-6:]


def same_number(wanted: str, kept: str, *, last_digits: bool) -> bool:
    """`kept`: a number, a URI, or what `record.numbers` has left of it."""
    if kept.startswith(_CUT):
        return last_digits and bool(kept[1:]) and _plain(wanted).endswith(kept[1:])
    return bool(kept) and _plain(wanted) == _plain(kept)


def without_numbers(line: bytes) -> bytes:
    """The row with stars in place of all numbers and names, and of the same length."""
    row = msgspec.json.decode(line)
    for name, text in _texts(row):
        there = msgspec.json.encode(name) + b":" + msgspec.json.encode(text)
        stars = b"*" * (len(there) - len(name) - 5)
        line = line.replace(there, msgspec.json.encode(name) + b':"' + stars + b'"', 1)
    caller = row.get("caller")
    if isinstance(caller, dict) and isinstance(caller.get("diverted"), list):
        for text in caller["diverted"]:
            there = msgspec.json.encode(text)
            line = line.replace(there, b'"' + b"*" * (len(there) - 2) + b'"', 1)
    return line


def _texts(row: dict[str, Any]) -> Iterator[tuple[str, str]]:
    caller = row.get("caller")
    for table, names in ((row, _OF_PARTIES), (caller, _OF_CALLER)):
        if isinstance(table, dict):
            for name in names:
                if isinstance(table.get(name), str):
                    yield name, table[name]


def _plain(text: str) -> str:
    found = _USER.search(text)
    plain = _SEPARATORS.sub("", found[1] if found else text.strip())
    if re.fullmatch(r"(\+|00)[0-9]+", plain):
        return plain.removeprefix("+").removeprefix("00")
    return plain.lower()
