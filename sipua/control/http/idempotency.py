"""The answers to requests with an Idempotency-Key (draft-ietf-httpapi-idempotency-key-header-06).

A key belongs to its token, and so does the room for keys: one token that uses up its own takes
nothing from the others. The same request gets the same answer for a day; another request with the
key is refused, and so is the same one while the first still runs. What failed is forgotten: it may
be tried again with its key. `now` is passed in.
"""

from __future__ import annotations

import hashlib
from collections import OrderedDict, defaultdict
from dataclasses import dataclass, replace

from sipua.control.http.endpoint import Answer
from sipua.control.http.problems import Kind, ProblemError

KEPT_S = 86_400.0
MOST = 10_000
"""Of one token."""
_LONGEST = 255


@dataclass(slots=True)
class _Entry:
    fingerprint: bytes
    until: float
    answer: Answer | None = None


class IdempotencyKeys:
    def __init__(self, most: int = MOST) -> None:
        self._most = most
        self._of: defaultdict[str, OrderedDict[str, _Entry]] = defaultdict(OrderedDict)
        """By owner, which is a name of the configuration; each by age, and so by `until`."""

    def begin(self, owner: str, key: str | None, request: bytes, now: float) -> Answer | None:
        """The answer that it had; None: it is new, and is to be finished or forgotten. Raises
        ProblemError.
        """
        if not key:
            raise ProblemError(Kind.KEY_MISSING, "a new UUID for each call: Idempotency-Key: UUID")
        if len(key) > _LONGEST or not (key.isascii() and key.isprintable()):
            raise ProblemError(Kind.KEY_MISSING, f"at most {_LONGEST} printable characters")
        entries = self._of[owner]
        _expire(entries, now)
        fingerprint = hashlib.sha256(request).digest()
        entry = entries.get(key)
        if entry is None:
            self._check_room(entries)
            entries[key] = _Entry(fingerprint, now + KEPT_S)
            return None
        if entry.fingerprint != fingerprint:
            raise ProblemError(Kind.KEY_REUSED)
        if entry.answer is None:
            raise ProblemError(Kind.KEY_IN_USE, headers={"Retry-After": "1"})
        headers = {**entry.answer.headers, "Idempotency-Replayed": "true"}
        return replace(entry.answer, headers=headers)

    def finish(self, owner: str, key: str, answer: Answer) -> None:
        if entry := self._of[owner].get(key):
            entry.answer = answer.encoded()  # a quarter of what its objects take

    def forget(self, owner: str, key: str) -> None:
        self._of[owner].pop(key, None)

    def _check_room(self, entries: OrderedDict[str, _Entry]) -> None:
        """To forget an answer early would place a call twice: a full store takes no new keys."""
        if len(entries) >= self._most:
            words = f"{self._most} keys of this token are kept, each for a day"
            raise ProblemError(Kind.NO_CAPACITY, words, headers={"Retry-After": "3600"})


def _expire(entries: OrderedDict[str, _Entry], now: float) -> None:
    while entries and next(iter(entries.values())).until <= now:
        entries.popitem(last=False)
