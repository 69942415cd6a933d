"""The tokens of a minute: shared by all sessions of a server, as at the vendor by an account's."""

SHOWN_WHEN_UNLIMITED = 1_000_000


class RateLimit:
    __slots__ = ("_limit", "_remaining", "_told_s")

    def __init__(self, tokens_per_minute: int) -> None:
        self._limit = tokens_per_minute  # 0: no limit
        self._remaining = float(tokens_per_minute)
        self._told_s = 0.0

    def spend(self, tokens: int, now: float) -> None:
        self._refill(now)
        self._remaining -= tokens

    def exhausted(self, now: float) -> bool:
        self._refill(now)
        return self._limit > 0 and self._remaining < 1

    def view(self, now: float) -> list[dict[str, object]]:
        self._refill(now)
        limit = self._limit or SHOWN_WHEN_UNLIMITED
        remaining = max(0, int(self._remaining)) if self._limit else limit
        reset_s = (limit - remaining) * 60 / limit
        shown = {"limit": limit, "remaining": remaining, "reset_seconds": round(reset_s, 3)}
        return [{"name": "tokens", **shown}]

    def _refill(self, now: float) -> None:
        elapsed_s, self._told_s = max(0.0, now - self._told_s), now
        self._remaining = min(self._limit, self._remaining + elapsed_s * self._limit / 60)
