"""Nonces that need no memory until one is used with the right password.

A nonce is the time of its making, some bytes by chance, and an HMAC over both and the source that
it was given to. So a flood of requests that are challenged leaves nothing behind, and a nonce of
one source is none for another. What is remembered of a nonce that was used is its highest count;
the memory is bounded, and what was made before the youngest that it has forgotten counts as used.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import secrets
from typing import Final

LIFETIME_S: Final = 60.0
USED: Final = 4096
_TIME, _CHANCE, _PROOF = 6, 4, 14  # bytes: 24 in all, and so 32 characters
_TEXT: Final = 32


class Nonces:
    """Pure: `now` is passed in."""

    def __init__(self, key: bytes = b"") -> None:
        self._key = key or secrets.token_bytes(32)
        self._used: dict[str, tuple[int, int]] = {}
        """The highest count, and when the nonce was made."""
        self._forgotten_ms = -1
        """Nonces that were made until then, and are not among `_used`, count as used."""

    def make(self, source: str, now: float) -> str:
        made = round(now * 1000).to_bytes(_TIME, "big") + secrets.token_bytes(_CHANCE)
        return base64.urlsafe_b64encode(made + self._proof(made, source)).decode()

    def fresh(self, nonce: str, source: str, now: float) -> bool:
        """Whether it was given to this source, and not long ago."""
        made_ms = self._made_ms(nonce, source)
        return made_ms is not None and 0 <= now * 1000 - made_ms + 1 <= LIFETIME_S * 1000

    def use(self, nonce: str, count: int, source: str, now: float) -> bool:
        """Note that it was used, with the right password. False: it was used so often before."""
        made_ms = self._made_ms(nonce, source)
        if made_ms is None:
            return False
        highest = self._used.get(nonce)
        if count <= (highest[0] if highest else 0) or (
            highest is None and made_ms <= self._forgotten_ms
        ):
            return False
        if highest is None and len(self._used) >= USED:
            self._forget(now)
        self._used[nonce] = count, made_ms
        return True

    def _forget(self, now: float) -> None:
        """Those that are too old for any use; if there are none, the one that was used first."""
        ended_ms = (now - LIFETIME_S) * 1000 - 1
        kept = {nonce: one for nonce, one in self._used.items() if one[1] >= ended_ms}
        if len(kept) == len(self._used):
            oldest = next(iter(kept))
            self._forgotten_ms = max(self._forgotten_ms, kept.pop(oldest)[1])
        self._used = kept

    def _made_ms(self, nonce: str, source: str) -> int | None:
        """None: it is none of ours, or another source's."""
        if len(nonce) != _TEXT or not nonce.isascii():
            return None
        try:
            raw = base64.b64decode(nonce, altchars=b"-_", validate=True)
        except (binascii.Error, ValueError):
            return None
        made, proof = raw[: _TIME + _CHANCE], raw[_TIME + _CHANCE :]
        if not hmac.compare_digest(proof, self._proof(made, source)):
            return None
        return int.from_bytes(made[:_TIME], "big")

    def _proof(self, made: bytes, source: str) -> bytes:
        text = made + source.encode("utf-8", "surrogateescape")
        return hmac.digest(self._key, text, hashlib.sha256)[:_PROOF]
