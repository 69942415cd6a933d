"""Who we say we are in a call that we place: From, P-Asserted-Identity, Privacy.

A trunk shows the called party what From or P-Asserted-Identity says, or puts a number of its own
there. With privacy the number stands in P-Asserted-Identity alone, for the trunk (RFC 3325 9.1).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final

from sipua.sip.wire.caller_id import ANONYMOUS

_CALLER_ID: Final = re.compile(r"\+?[0-9*#]{1,31}|[A-Za-z0-9_.-]{1,64}")


@dataclass(frozen=True, slots=True)
class Identity:
    from_header: str = ""
    """Empty: that of the account."""
    headers: Mapping[str, str] = field(default_factory=dict)


def is_caller_id(text: str) -> bool:
    """Whether it is a number, or the user of a SIP URI."""
    return _CALLER_ID.fullmatch(text) is not None


def identity(
    number: str, name: str, host: str, *, asserted: bool = False, hidden: bool = False
) -> Identity:
    """`number`: as the trunk wants it, and checked; `host`: of the trunk, for the URI."""
    party = _named(name, f"sip:{_escaped(number)}@{host}")
    headers = {"P-Asserted-Identity": party} if asserted else {}
    if hidden:
        return Identity(ANONYMOUS, {**headers, "Privacy": "id"})
    return Identity(party, headers)


def _named(name: str, uri: str) -> str:
    quoted = name.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{quoted}" <{uri}>' if name else f"<{uri}>"


def _escaped(number: str) -> str:
    return number.replace("#", "%23")
