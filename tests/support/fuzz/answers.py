"""What the edge sends must be SIP, whatever it was asked. `trouble` says what is wrong with it."""

from __future__ import annotations

import re

_ONCE = ("From", "To", "Call-ID", "CSeq", "Content-Length")
_NAMES = {"f": "From", "t": "To", "i": "Call-ID", "l": "Content-Length", "v": "Via", "m": "Contact"}
_FIRST = re.compile(r"SIP/2\.0 [1-6]\d\d [^\r\n]*|[A-Z]+ \S+ SIP/2\.0")
_LINE = re.compile(r"[\w.!%*+`'~-]+[ \t]*:.*", re.DOTALL)


def trouble(text: str) -> str:
    """Empty: nothing. What it copies of a request (RFC 3261, 8.2.6) may be as odd as that was."""
    head, ended, body = text.partition("\r\n\r\n")
    if not ended:
        return "no end of its header"
    first, *lines = re.split(r"\r\n(?![ \t])", head)
    if not _FIRST.fullmatch(first):
        return f"first line {first!r}"
    names = []
    for line in lines:
        if not _LINE.fullmatch(line):
            return f"line {line[:80]!r}"
        name = line.partition(":")[0].strip()
        names.append(_NAMES.get(name.lower(), name).lower())
    for name in _ONCE:
        if names.count(name.lower()) != 1:
            return f"{names.count(name.lower())} × {name}"
    if "via" not in names:
        return "no Via"
    said = re.search(r"^(?:Content-Length|l) *: *(\d+) *$", head, re.MULTILINE | re.IGNORECASE)
    size = len(body.encode("utf-8", "surrogateescape"))
    if said is None or int(said[1]) != size:
        return f"Content-Length {said[1] if said else 'unreadable'} of {size}"
    return ""


def header(text: str, name: str) -> str:
    """The values of all its lines; Via is one line each."""
    found = re.findall(
        rf"^{name} *: *(.*?)\r?$", text.partition("\r\n\r\n")[0], re.MULTILINE | re.IGNORECASE
    )
    return f"\r\n{name}: ".join(found)


def status(text: str) -> int:
    """0: a request."""
    found = re.match(r"SIP/2\.0 (\d{3}) ", text)
    return int(found[1]) if found else 0


def method(text: str) -> str:
    """Of a request, or of the request that is answered."""
    if not status(text):
        return text.partition(" ")[0]
    found = re.search(r"^CSeq *: *\d+ +(\w+)", text, re.MULTILINE | re.IGNORECASE)
    return found[1] if found else ""
