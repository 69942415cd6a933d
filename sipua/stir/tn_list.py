"""The numbers that a certificate may vouch for: its TNAuthList (RFC 8226 9), a piece of DER.

SEQUENCE OF  [0] service provider code: no number is named, as its numbers are in no certificate
             [1] a number and how many follow it
             [2] one number
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

OID: Final = "1.3.6.1.5.5.7.1.26"
_SEQUENCE, _IA5, _INTEGER = 0x30, 0x16, 0x02
_SPC, _RANGE, _ONE = 0xA0, 0xA1, 0xA2
_MOST_ENTRIES: Final = 1024
_LONGEST_NUMBER: Final = 15


class TnListError(ValueError):
    """It is no TNAuthList."""


@dataclass(frozen=True, slots=True)
class TnList:
    providers: tuple[str, ...] = ()
    ranges: tuple[tuple[str, int], ...] = ()
    """The first number, and how many there are."""

    def covers(self, number: str) -> bool:
        """`number`: digits, or a URI, which no list covers. A code of a provider covers each
        number: which ones it has is known to the network alone."""
        if ":" in number:
            return False
        if self.providers:
            return True
        return any(_within(number, first, count) for first, count in self.ranges)


def read(der: bytes) -> TnList:
    """Raises TnListError."""
    tag, content, rest = _element(der)
    if tag != _SEQUENCE or rest:
        raise TnListError("is no sequence")
    providers: list[str] = []
    ranges: list[tuple[str, int]] = []
    for count, (kind, inside) in enumerate(_elements(content)):
        if count == _MOST_ENTRIES:
            raise TnListError("has too many entries")
        tag, value, rest = _element(inside)
        if rest:
            raise TnListError("has an entry that does not end")
        if kind == _SPC and tag == _IA5:
            providers.append(_text(value))
        elif kind == _ONE and tag == _IA5:
            ranges.append((_number(value), 1))
        elif kind == _RANGE and tag == _SEQUENCE:
            ranges.append(_range(value))
        else:
            raise TnListError("has an entry of no known kind")
    if not providers and not ranges:
        raise TnListError("is empty")
    return TnList(tuple(providers), tuple(ranges))


def _within(number: str, first: str, count: int) -> bool:
    if len(number) != len(first) or not number.isdigit() or not number.isascii():
        return False
    return int(first) <= int(number) < int(first) + count


def _range(content: bytes) -> tuple[str, int]:
    found = list(_elements(content))
    if [tag for tag, _ in found] != [_IA5, _INTEGER]:
        raise TnListError("has a range that is none")
    (_, start), (_, count) = found
    if not 1 <= len(count) <= 8 or count[0] & 0x80:
        raise TnListError("has a range without a length")
    return _number(start), int.from_bytes(count, "big")


def _number(value: bytes) -> str:
    text = _text(value).removeprefix("+")
    if not text.isdigit() or len(text) > _LONGEST_NUMBER:
        raise TnListError("has a number that is none")
    return text


def _text(value: bytes) -> str:
    try:
        text = value.decode("ascii")
    except UnicodeDecodeError:
        raise TnListError("has a text that is not ASCII") from None
    if not text or not text.isprintable():
        raise TnListError("has an empty text, or one that cannot be printed")
    return text


def _elements(content: bytes) -> Iterator[tuple[int, bytes]]:
    while content:
        tag, inside, content = _element(content)
        yield tag, inside


def _element(data: bytes) -> tuple[int, bytes, bytes]:
    """Tag, content, and what follows it."""
    if len(data) < 2:
        raise TnListError("is cut")
    tag, length, at = data[0], data[1], 2
    if length & 0x80:
        size = length & 0x7F
        if not 1 <= size <= 2 or len(data) < 2 + size:
            raise TnListError("has a length that is none")
        length, at = int.from_bytes(data[2 : 2 + size], "big"), 2 + size
    if len(data) < at + length:
        raise TnListError("is cut")
    return tag, data[at : at + length], data[at + length :]
