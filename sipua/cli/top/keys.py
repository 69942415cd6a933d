"""Keys of a terminal, from its bytes."""

from __future__ import annotations

from typing import Final

ESC: Final = b"\x1b"
_LONGEST: Final = 16
_NAMED: Final = {
    b"\r": "enter",
    b"\n": "enter",
    b"\t": "tab",
    b"\x7f": "backspace",
    b"\x08": "backspace",
    b"\x15": "kill",
    b"\x0c": "redraw",
}
_SEQUENCES: Final = {
    "A": "up",
    "B": "down",
    "C": "right",
    "D": "left",
    "H": "home",
    "F": "end",
    "Z": "back-tab",
    "1~": "home",
    "4~": "end",
    "5~": "page-up",
    "6~": "page-down",
    "7~": "home",
    "8~": "end",
}


def keys(data: bytes, *, over: bool) -> tuple[list[str], bytes]:
    """The keys in it, and what may be the beginning of one. `over`: nothing follows, so that a
    single ESC is the key.
    """
    found: list[str] = []
    while data:
        key, length = _first(data, over=over)
        if not length:
            break
        if key:
            found.append(key)
        data = data[length:]
    return found, data


def _first(data: bytes, *, over: bool) -> tuple[str, int]:
    """A key and its length; no key: to be skipped; no length: more must come."""
    if data[:1] == ESC:
        return _escaped(data, over=over)
    if data[:1] in _NAMED:
        return _NAMED[data[:1]], 1
    length = _length(data[0])
    if len(data) < length and not over:
        return "", 0
    try:
        text = data[:length].decode()
    except UnicodeDecodeError:
        return "", 1
    return (text if text.isprintable() else ""), length


def _escaped(data: bytes, *, over: bool) -> tuple[str, int]:
    if len(data) == 1:
        return ("esc", 1) if over else ("", 0)
    if data[1:2] not in (b"[", b"O"):
        return "esc", 1
    for at in range(2, min(len(data), _LONGEST)):
        if 0x40 <= data[at] <= 0x7E:
            return _SEQUENCES.get(data[2 : at + 1].decode("ascii", "replace"), ""), at + 1
    return ("", len(data)) if over or len(data) >= _LONGEST else ("", 0)


def _length(first: int) -> int:
    """Of a character of UTF-8, by its first byte; one that cannot be the first is alone."""
    if first < 0xC0 or first > 0xF7:
        return 1
    return 2 if first < 0xE0 else 3 if first < 0xF0 else 4
