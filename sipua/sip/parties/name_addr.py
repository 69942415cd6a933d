"""One party as a header names it: `"Name" <sip:user@host;uri-parameter>;parameter` (RFC 3261 20).

The text comes from a peer, cleaned and cut by `sipua.sip.wire.texts`. Whatever it is, reading it
takes one pass and raises nothing: what is no name and no URI is empty.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import unquote

from sipua.sip.wire import texts

LONGEST_NAME: Final = 80
LONGEST_USER: Final = 128
_MOST_PARAMETERS: Final = 16
_SEPARATORS: Final = str.maketrans("", "", "-.() ")
"""What makes a number easier to read (RFC 3966 5.1.1)."""


@dataclass(frozen=True, slots=True)
class NameAddr:
    name: str = ""
    scheme: str = ""
    """`sip`, `sips` or `tel`; empty: there is no such URI."""
    user: str = ""
    host: str = ""
    uri_parameters: str = ""
    """Those of the user, and those of the URI, as they stand there."""
    uri_headers: str = ""
    """What stands behind the `?` of the URI."""
    parameters: dict[str, str] = field(default_factory=dict)
    """Those of the header, with their names in small letters."""


def listed(text: str, most: int) -> list[str]:
    """The first `most` values of a list; a comma inside quotes or brackets divides nothing."""
    found, begin, quoted, bracketed, escaped = [], 0, False, False, False
    for at, char in enumerate(text):
        if escaped:
            escaped = False
        elif quoted and char == "\\":
            escaped = True
        elif char == '"' and not bracketed:
            quoted = not quoted
        elif char in "<>" and not quoted:
            bracketed = char == "<"
        elif char == "," and not quoted and not bracketed:
            found.append(text[begin:at].strip())
            begin = at + 1
            if len(found) == most:
                return found
    return [*found, text[begin:].strip()]


def parse(text: str) -> NameAddr:
    name, rest = _quoted(text.strip())
    before, opened, behind = rest.partition("<")
    if opened:
        uri, closed, behind = behind.partition(">")
        if not closed:  # it goes on somewhere else, and so may be another one
            return NameAddr(name=_name(name or before))
        name = name or before
    else:  # without brackets all parameters are the header's
        uri, _, behind = rest.partition(";")
    scheme, colon, inside = uri.strip().partition(":")
    scheme = scheme.lower()
    if not colon or scheme not in ("sip", "sips", "tel"):
        return NameAddr(name=_name(name))
    inside, _, uri_headers = inside.partition("?")
    if scheme == "tel":
        user, _, uri_parameters = inside.partition(";")
        user, host = user.translate(_SEPARATORS), ""
    else:
        user, host = _user_and_host(inside)
        uri_parameters = ";".join(part.partition(";")[2] for part in inside.split("@", 1))
    return NameAddr(
        name=_name(name),
        scheme=scheme,
        user=_decoded(user),
        host=host,
        uri_parameters=uri_parameters,
        uri_headers=uri_headers,
        parameters=dict(_parameters(behind)),
    )


def _quoted(text: str) -> tuple[str, str]:
    """A name in quotes, and the rest. Quotes that are never closed hold all of it."""
    if not text.startswith('"'):
        return "", text
    name: list[str] = []
    escaped = False
    for at, char in enumerate(text[1:], 1):
        if escaped:
            escaped = False
        elif char == "\\":
            escaped = True
            continue
        elif char == '"':
            return "".join(name), text[at + 1 :]
        name.append(char)
    return "".join(name), ""


def _name(text: str) -> str:
    return " ".join(texts.line(text).split())[:LONGEST_NAME]


def _user_and_host(inside: str) -> tuple[str, str]:
    user, at, host = inside.partition("@")
    if not at:
        user, host = "", user
    host = host.partition(";")[0].strip().lower()
    host = host.partition("]")[0] + "]" if host.startswith("[") else host.partition(":")[0]
    return user.partition(":")[0].partition(";")[0], host


def _decoded(user: str) -> str:
    decoded = texts.line(unquote(user, errors="replace")) if "%" in user else user
    # An @ in it would make another user and host of it where it is put together again.
    return (user if "@" in decoded else decoded).strip()[:LONGEST_USER]


def _parameters(text: str) -> Iterator[tuple[str, str]]:
    for part in text.split(";", _MOST_PARAMETERS)[:_MOST_PARAMETERS]:
        name, _, value = part.partition("=")
        if name.strip():
            yield name.strip().lower(), value.strip().strip('"').lower()
