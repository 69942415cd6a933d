"""Whom somebody may call: the first thing that an attacker tries is a call to a premium number.

A number is held against numbers, a URI with a host against URIs, and each must be written plainly:
what could be read in two ways is not allowed.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

_NUMBER = re.compile(r"(?:tel:)?(\+?[0-9*#]{1,40})")
_URI = re.compile(
    r"sips?:(?:([A-Za-z0-9+._~*#-]{0,64})@)?(\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9.-]+)(?::\d{1,5})?"
    r"(?:;transport=(?:udp|tcp|tls))?",
    re.IGNORECASE,
)


def may_call(to: str, prefixes: Iterable[str]) -> bool:
    if number := _NUMBER.fullmatch(to):
        return any(_is_number(one) and number[1].startswith(one) for one in prefixes)
    uri = _URI.fullmatch(to)
    if uri is None:
        return False
    user, host = uri[1] or "", uri[2].lower()
    return any(
        host == allowed[2].lower() and (allowed[1] or "") in ("", user)
        for one in prefixes
        if (allowed := _URI.fullmatch(one))
    )


def _is_number(prefix: str) -> bool:
    return ":" not in prefix
