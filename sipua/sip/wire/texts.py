"""Texts of peers: the only place where the bytes of a peer become safe Python texts.

pjsua2 passes bytes as they came: bytes that are not UTF-8 as lone surrogates, control characters,
64 kB in one header field. A text from this file can be written anywhere: it has no surrogates, no
control characters, and a bounded length.
"""

from __future__ import annotations

import functools
import itertools
import re
from typing import Final

LONGEST: Final = 512
"""The limit of one value, in characters. The longest URI of a real trunk has about 200."""

_LONGEST_BODY: Final = 65_536
_REPLACEMENT: Final = "\ufffd"
_CUT: Final = "cut"

# Also what reverses or ends a line in a viewer that follows Unicode.
_CONTROL = r"\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069"
_IN_A_LINE = re.compile(rf"[{_CONTROL}\t\r\n]")
_IN_A_BODY = re.compile(rf"[{_CONTROL}]")
_UNDECODABLE = re.compile(r"[\ud800-\udfff]")

_FOLD = re.compile(r"\r?\n[ \t]{1,256}")
_COMPACT = {
    "call-id": "i",
    "contact": "m",
    "content-length": "l",
    "content-type": "c",
    "from": "f",
    "identity": "y",
    "refer-to": "r",
    "referred-by": "b",
    "to": "t",
    "subject": "s",
    "via": "v",
}


def line(raw: str, longest: int = LONGEST) -> str:
    """One value, for a log line, a record, a tool or an engine."""
    text = raw[:longest]
    if text.isascii() and text.isprintable():
        return text
    return _IN_A_LINE.sub("", _UNDECODABLE.sub(_REPLACEMENT, text))


def body(raw: str) -> str:
    """A text of many lines, such as SDP."""
    return _IN_A_BODY.sub("", _UNDECODABLE.sub(_REPLACEMENT, raw[:_LONGEST_BODY]))


class Message:
    """The header fields of one SIP message. `altered` says what was changed, and why."""

    def __init__(self, raw: str) -> None:
        ends = [end for end in (raw.find("\n\r\n"), raw.find("\n\n")) if end >= 0]
        self._head = raw[: min(ends)] if ends else raw
        self._altered: dict[str, str] = {}

    @property
    def altered(self) -> tuple[str, ...]:
        return tuple(f"{name}: {what}" for name, what in self._altered.items())

    @property
    def request_uri(self) -> str:
        """The URI of a request; a response has its status there."""
        words = self._head.partition("\n")[0][: 4 * LONGEST].split(None, 2)
        return line(words[1]) if len(words) > 1 else ""

    def count(self, name: str) -> int:
        """How often a header is there."""
        return len(_pattern(name.lower()).findall(self._head))

    def header(self, name: str) -> str | None:
        """The first value of a header, by its long name or its compact one, unfolded; None when
        it is not there."""
        found = _pattern(name.lower()).search(self._head)
        return None if found is None else self._value(name, found.end())

    def headers(self, name: str, most: int, *, longest: int = LONGEST) -> list[str]:
        """The first `most` values of a header that may be there more than once."""
        found = itertools.islice(_pattern(name.lower()).finditer(self._head), most)
        return [self._value(name, one.end(), longest) for one in found]

    def is_cut(self, name: str) -> bool:
        """Whether a value of this header, read before, was longer than a value may be."""
        return self._altered.get(name, "").startswith(_CUT)

    def _value(self, name: str, begin: int, longest: int = LONGEST) -> str:
        value = self._head[begin : _end_of_field(self._head, begin)].rstrip("\r")
        unfolded = _FOLD.sub(" ", value[: 4 * longest]).strip()
        cleaned = line(unfolded, longest)
        if len(value) > 4 * longest or len(unfolded) > longest:
            self._altered[name] = f"{_CUT} from {len(value)} characters"
        elif cleaned != unfolded:
            self._altered.setdefault(name, "has bytes that are no text")
        return cleaned


@functools.cache
def _pattern(name: str) -> re.Pattern[str]:
    names = "|".join(re.escape(form) for form in (name, _COMPACT.get(name)) if form)
    return re.compile(rf"\n(?i:{names})[ \t]{{0,32}}:")


def _end_of_field(head: str, begin: int) -> int:
    """The end of a field: a line that begins with a blank continues the one before it."""
    end = head.find("\n", begin)
    while end >= 0 and head[end + 1 : end + 2] in (" ", "\t"):
        end = head.find("\n", end + 1)
    return end if end >= 0 else len(head)


def header(raw: str, name: str) -> str | None:
    """One header of a message, when no other one is needed."""
    return Message(raw).header(name)


def transport(raw: str) -> str:
    """What a request has come by, as its sender says in the topmost Via: `udp`, `tcp`, `tls`."""
    via = (header(raw, "Via") or "").partition(" ")[0]
    return via.rpartition("/")[2].lower() or "udp"
