"""The chain of the audit log. No I/O: lines as bytes, without their end.

A line is a JSON object. `n` is its number, counted over all files; `previous` the SHA-256 of the
whole line before it, as it stands in the file. So a line that is changed, removed, inserted or
moved does not fit the next one. What has no next one is not covered: the hash of the last line
belongs elsewhere, and stands in the edge's log (`audit.written`).

A process that is killed while it writes leaves a line that is cut off. It is a link like the
others: the next line has its hash. It is told, and it is no fault.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal

from sipua.events.teller import to_json

BEGIN: Final = "0" * 64
"""In the place of a hash where there is no line before."""
LONGEST: Final = 65_536
"""Bytes of a line: a reader need not hold more."""


@dataclass(frozen=True, slots=True)
class Head:
    """The last line: what the next one follows."""

    n: int = 0
    hash: str = BEGIN


def linked(head: Head, fields: Mapping[str, Any]) -> tuple[bytes, Head]:
    """The next line, and the head then."""
    link = {"n": head.n + 1, "previous": head.hash}
    line = to_json({**link, **fields})
    if len(line) > LONGEST:
        kept = {name: fields[name] for name in ("time", "node", "id", "type") if name in fields}
        line = to_json({**link, **kept, "data": None, "too_long": len(line)})
    return line, Head(head.n + 1, hash_of(line))


def hash_of(line: bytes) -> str:
    return hashlib.sha256(line).hexdigest()


def head_of(lines: Iterable[bytes], before: Head | None = None) -> Head:
    """Of the last lines of a file, or all. `before`: the head before them; None: not known."""
    head = before or Head()
    for line in lines:
        found = _read(line)
        head = Head(head.n + 1 if found is None else found[0], hash_of(line))
    return head


Wrong = Literal["changed", "missing", "not_a_line", "cut_off"]


@dataclass(frozen=True, slots=True)
class Finding:
    wrong: Wrong
    file: str
    line: int
    words: str

    @property
    def fault(self) -> bool:
        return self.wrong != "cut_off"


@dataclass(slots=True)
class Verified:
    lines: int = 0
    first: int = 0
    """The number of the first line; more than 1: older files are not here."""
    head: Head = Head()


def verify(lines: Iterable[tuple[str, int, bytes]], seen: Verified) -> Iterator[Finding]:
    """What does not fit. `lines`: all, with their file and their number in it; `seen` is filled."""
    before: tuple[str, int] | None = None
    torn: tuple[str, int] | None = None
    for file, number, line in lines:
        found = _read(line)
        seen.lines += 1
        if found is None:
            if torn is not None:
                yield Finding("not_a_line", *torn, "is no line of the log")
            torn, before = (file, number), (file, number)
            seen.head = Head(seen.head.n + 1, hash_of(line))
            continue
        n, previous = found
        if before is None:
            seen.first = n
            if n == 1 and previous != BEGIN:
                yield Finding("changed", file, number, "is line 1 and follows another one")
        elif previous != seen.head.hash:
            yield _break(before, (file, number), seen.head.n, n)
        elif torn is not None:
            yield Finding("cut_off", *torn, "was cut off: the process was killed while it wrote")
        elif n != seen.head.n + 1:
            yield Finding("changed", file, number, f"has the number {n} behind {seen.head.n}")
        torn, before = None, (file, number)
        seen.head = Head(n, hash_of(line))
    if torn is not None:
        yield Finding("cut_off", *torn, "is cut off: the process was killed while it wrote")


def _break(before: tuple[str, int], here: tuple[str, int], last: int, n: int) -> Finding:
    if n > last + 1:
        gone = f"{last + 1}" if n == last + 2 else f"{last + 1} to {n - 1}"
        return Finding("missing", *here, f"follows a line that is not there: {gone} removed")
    if n == last + 1:
        return Finding("changed", *before, f"(number {last}) is not what the next line says it was")
    return Finding("changed", *here, f"(number {n}) stands behind number {last}")


def _read(line: bytes) -> tuple[int, str] | None:
    """Its number, and the hash of the line before; None: it is no line of ours."""
    if len(line) > LONGEST:
        return None
    try:
        fields = json.loads(line)
        n, previous = fields["n"], fields["previous"]
    except (ValueError, LookupError, TypeError, RecursionError):
        return None
    return (n, previous) if isinstance(n, int) and isinstance(previous, str) else None
