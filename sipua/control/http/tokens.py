"""Who asks, and what they may. No I/O; `now` is passed in.

A right token always counts: whoever guesses at a token of 24 characters and more finds none, and a
peer that guesses behind the same proxy must not shut out the others. Wrong ones are counted, and
only so many a minute are told apart from silence.
"""

from __future__ import annotations

import enum
import hashlib
import hmac
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import total_ordering

from sipua.control.http.limits import Buckets
from sipua.control.http.problems import Kind, ProblemError, retry_later

_WRONG_A_MINUTE = 10
_IN_URL = frozenset({"token", "access_token", "api_key", "apikey", "key", "authorization", "auth"})


@total_ordering
class Right(enum.Enum):
    READONLY = "readonly"
    OPERATOR = "operator"
    ADMIN = "admin"

    def __lt__(self, other: Right) -> bool:
        ranks = list(Right)
        return ranks.index(self) < ranks.index(other)


@dataclass(frozen=True, slots=True)
class Placing:
    """Whom a token may call, how many at once, and how many in a minute."""

    prefixes: tuple[str, ...]
    max_calls: int
    per_minute: int


@dataclass(frozen=True, slots=True)
class Token:
    name: str
    digest: bytes
    right: Right
    placing: Placing | None = None
    supervises: bool = False
    """A right of its own."""

    @property
    def may_supervise(self) -> bool:
        return self.supervises or self.right is Right.ADMIN


def digest(token: str) -> bytes:
    return hashlib.sha256(token.encode("utf-8", "surrogateescape")).digest()


class Tokens:
    def __init__(self, tokens: Sequence[Token], *, requests_per_second: float) -> None:
        self.use(tokens, requests_per_second)
        self._wrong = Buckets(_WRONG_A_MINUTE / 60, _WRONG_A_MINUTE)
        self.refused: Counter[str] = Counter()
        """By the kind of refusal."""

    def use(self, tokens: Sequence[Token], requests_per_second: float) -> None:
        """Have these, and no others."""
        self._tokens = tuple(tokens)
        self._requests = Buckets(requests_per_second, 2 * requests_per_second)

    def knows(self, token: Token | None) -> bool:
        """Whether what this one has begun may go on."""
        return token is None or any(token.digest == one.digest for one in self._tokens)

    def admit(
        self, authorization: str | None, parameters: Sequence[str], source: str, now: float
    ) -> Token:
        """The token of a request. `parameters`: the names in its query. Raises ProblemError."""
        if any(name.lower() in _IN_URL for name in parameters):
            raise self._refuse(
                Kind.TOKEN_IN_URL, "URLs stand in logs; send it as a header", now, ""
            )
        scheme, _, presented = (authorization or "").strip().partition(" ")
        if scheme.lower() != "bearer" or not presented.strip():
            raise self._refuse(Kind.NO_TOKEN, "Authorization: Bearer TOKEN", now, "")
        token = self._find(presented.strip())
        if token is None:
            raise self._refuse(Kind.WRONG_TOKEN, "", now, source)
        wait_s = self._requests.take(token.name, now)
        if wait_s:
            raise retry_later(Kind.TOO_MANY, "more than this token may ask for", wait_s)
        return token

    def demand(self, token: Token, right: Right) -> None:
        """Raises ProblemError when it has not that right."""
        if token.right < right:
            self.refused[Kind.NO_RIGHT.type] += 1
            raise ProblemError(Kind.NO_RIGHT, f"the right {right.value} is needed")

    def _find(self, presented: str) -> Token | None:
        """Compares with all, each in constant time: how long it takes tells nothing."""
        asked, found = digest(presented), None
        for token in self._tokens:
            if hmac.compare_digest(token.digest, asked):
                found = token
        return found

    def _refuse(self, kind: Kind, detail: str, now: float, source: str) -> ProblemError:
        self.refused[kind.type] += 1
        wait_s = self._wrong.take(source, now) if source else 0.0
        if wait_s:
            return retry_later(Kind.TOO_MANY, "too many wrong tokens", wait_s)
        return ProblemError(kind, detail, headers={"WWW-Authenticate": 'Bearer realm="sipua"'})
