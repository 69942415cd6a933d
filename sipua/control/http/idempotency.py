"""The answers to requests with an Idempotency-Key (draft-ietf-httpapi-idempotency-key-header-06).

A key belongs to its token. The same request gets the same answer for a day; another request with
the key is refused, and so is the same one while the first still runs. What failed is forgotten: it
may be tried again with its key. `now` is passed in.
"""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from dataclasses import dataclass, replace

from sipua.control.http.endpoint import Answer
from sipua.control.http.problems import Kind, ProblemError

KEPT_S = 86_400.0
MOST = 10_000
_LONGEST = 255


@dataclass(slots=True)
class _Entry:
    fingerprint: bytes
    until: float
    answer: Answer | None = None


class IdempotencyKeys:
    def __init__(self, most: int = MOST) -> None:
        self._most = most
        self._entries: OrderedDict[tuple[str, str], _Entry] = OrderedDict()
        """By age, and so by `until`."""

    def begin(self, owner: str, key: str | None, request: bytes, now: float) -> Answer | None:
        """The answer that it had; None: it is new, and is to be finished or forgotten. Raises
        ProblemError.
        """
        if not key:
            raise ProblemError(Kind.KEY_MISSING, "a new UUID for each call: Idempotency-Key: UUID")
        if len(key) > _LONGEST or not (key.isascii() and key.isprintable()):
            raise ProblemError(Kind.KEY_MISSING, f"at most {_LONGEST} printable characters")
        self._expire(now)
        fingerprint = hashlib.sha256(request).digest()
        entry = self._entries.get((owner, key))
        if entry is None:
            self._make_room()
            self._entries[owner, key] = _Entry(fingerprint, now + KEPT_S)
            return None
        if entry.fingerprint != fingerprint:
            raise ProblemError(Kind.KEY_REUSED)
        if entry.answer is None:
            raise ProblemError(Kind.KEY_IN_USE, headers={"Retry-After": "1"})
        headers = {**entry.answer.headers, "Idempotency-Replayed": "true"}
        return replace(entry.answer, headers=headers)

    def finish(self, owner: str, key: str, answer: Answer) -> None:
        if entry := self._entries.get((owner, key)):
            entry.answer = answer

    def forget(self, owner: str, key: str) -> None:
        self._entries.pop((owner, key), None)

    def _expire(self, now: float) -> None:
        while self._entries and (oldest := next(iter(self._entries))):
            if self._entries[oldest].until > now:
                break
            del self._entries[oldest]

    def _make_room(self) -> None:
        """To forget an answer early would place a call twice: a full store takes no new keys."""
        if len(self._entries) >= self._most:
            words = f"{self._most} keys are kept, each for a day"
            raise ProblemError(Kind.NO_CAPACITY, words, headers={"Retry-After": "3600"})
