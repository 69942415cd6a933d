"""Digest access authentication as SIP has it (RFC 7616, RFC 8760): its texts, and its hashes.

Only with qop=auth, which protects from replay; an Authorization without it counts as none.
"""

from __future__ import annotations

import hashlib
import re
import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from sipua.sip.wire.texts import Message

SHA_256: Final = "SHA-256"
MD5: Final = "MD5"
ALGORITHMS: Final = (SHA_256, MD5)
"""In the order in which they are offered: a client takes the first that it has (RFC 8760 2.4)."""

_HASHES: Final[Mapping[str, Callable[[bytes], Any]]] = {
    SHA_256: hashlib.sha256,
    MD5: lambda text: hashlib.md5(text, usedforsecurity=False),  # SIP has it; whether is configured
}
_BY_NAME: Final = {name.lower(): name for name in ALGORITHMS}
_MOST_HEADERS: Final = 4
_MOST_PARAMETERS: Final = 16
_PARAMETER = re.compile(
    r'[ \t]{0,8}([A-Za-z]{1,16})[ \t]{0,8}=[ \t]{0,8}(?:"([^"\\]{0,256})"|([^\s",]{1,256}))'
    r"[ \t]{0,8}(?:,|$)"
)
_COUNT = re.compile(r"[0-9a-fA-F]{8}")
_HEX = re.compile(r"[0-9a-f]{32}|[0-9a-f]{64}")


@dataclass(frozen=True, slots=True)
class Credentials:
    """An Authorization header."""

    user: str
    realm: str
    nonce: str
    uri: str
    response: str
    algorithm: str
    cnonce: str
    count: str
    """Of the requests with this nonce, as eight digits."""


@dataclass(frozen=True, slots=True)
class DigestUsers:
    """The users of one peer, each with a hash of its password for each algorithm."""

    realm: str
    algorithms: tuple[str, ...]
    secrets_of: Mapping[str, Mapping[str, str]] = field(repr=False)
    _of_no_user: Mapping[str, str] = field(repr=False, compare=False)

    def knows(self, user: str) -> bool:
        return user in self.secrets_of

    def expected(self, credentials: Credentials, method: str) -> str:
        """The right response; of a user that there is not, after the same work, one that its client
        cannot know."""
        secret = self.secrets_of.get(credentials.user, self._of_no_user)[credentials.algorithm]
        return response(secret, credentials, method)


def users_of(realm: str, algorithms: Sequence[str], passwords: Mapping[str, str]) -> DigestUsers:
    def hashes(user: str, password: str) -> Mapping[str, str]:
        return {name: hashed(name, f"{user}:{realm}:{password}") for name in algorithms}

    return DigestUsers(
        realm,
        tuple(algorithms),
        {user: hashes(user, password) for user, password in passwords.items()},
        hashes("", secrets.token_hex()),
    )


def hashed(algorithm: str, text: str) -> str:
    return str(_HASHES[algorithm](text.encode("utf-8", "surrogateescape")).hexdigest())


def response(secret: str, credentials: Credentials, method: str) -> str:
    """RFC 7616 3.4.1; `secret`: the hash of A1."""
    name = credentials.algorithm
    request = hashed(name, f"{method}:{credentials.uri}")
    once = f"{credentials.nonce}:{credentials.count}:{credentials.cnonce}:auth"
    return hashed(name, f"{secret}:{once}:{request}")


def challenges(users: DigestUsers, nonce: str, *, stale: bool) -> tuple[str, ...]:
    """The values of WWW-Authenticate, one for each algorithm."""
    end = ", stale=true" if stale else ""
    return tuple(
        f'Digest realm="{users.realm}", nonce="{nonce}", algorithm={name}, qop="auth"{end}'
        for name in users.algorithms
    )


def of_realm(message: Message, users: DigestUsers) -> Credentials | None:
    """The first Authorization that is for these users; None: there is none that can be read."""
    for text in message.headers("Authorization", _MOST_HEADERS):
        found = parse(text)
        if found and found.realm == users.realm and found.algorithm in users.algorithms:
            return found
    return None


def parse(header: str) -> Credentials | None:
    """None: it is no digest, or not as we have asked for it."""
    scheme, _, rest = header.strip().partition(" ")
    given = _parameters(rest) if scheme.lower() == "digest" else None
    if given is None or given.get("qop", "").lower() != "auth":
        return None
    algorithm = _BY_NAME.get(given.get("algorithm", MD5).lower())
    answer, count = given.get("response", "").lower(), given.get("nc", "")
    if algorithm is None or not _HEX.fullmatch(answer) or not _COUNT.fullmatch(count):
        return None
    found = Credentials(
        user=given.get("username", ""),
        realm=given.get("realm", ""),
        nonce=given.get("nonce", ""),
        uri=given.get("uri", ""),
        response=answer,
        algorithm=algorithm,
        cnonce=given.get("cnonce", ""),
        count=count,
    )
    return found if found.user and found.nonce and found.uri and found.cnonce else None


def _parameters(text: str) -> dict[str, str] | None:
    """None: it cannot be read in one way only."""
    found: dict[str, str] = {}
    text, place = text.rstrip(), 0
    while place < len(text):
        match = _PARAMETER.match(text, place)
        if match is None or len(found) == _MOST_PARAMETERS:
            return None
        name, quoted, plain = match.groups()
        if name.lower() in found:
            return None
        found[name.lower()] = plain if quoted is None else quoted
        place = match.end()
    return found
