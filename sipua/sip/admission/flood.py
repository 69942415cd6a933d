"""How many requests that would begin something a source may send, and which get no answer at all.

A source has a bucket of tokens, and all strangers share one more: a thousand sources are no way
around it. A peer that may call and sends too much is told so (503 with Retry-After, which trunks
and PBXs keep); a stranger is told nothing, so that its flood is answered by nothing, either.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence

from sipua.sip.admission.admission import SILENT, FloodLimits, Refusal
from sipua.sip.admission.sources import SOURCES, Buckets, source_of
from sipua.sip.wire import texts

TOO_MANY = Refusal(503, "Too Many Requests", retry_after_s=1, rule="admission.peer_rate")
TOLD_EVERY_S = 10.0


class Flood:
    """Pure: `now` is passed in. Called for each request by the pjsua2 thread."""

    def __init__(self) -> None:
        self._of_one = Buckets(SOURCES)
        self._of_all = Buckets(1)
        self._failed = Buckets(SOURCES)

    def judge(
        self, limits: FloodLimits, host: str, origin: str | None, message: str, now: float
    ) -> Refusal | None:
        """What the request gets instead of what it asks for. `origin`: the trunk or account of this
        address; None: it may not call."""
        if origin is not None:
            allowed = self._of_one.take(source_of(host), limits.peer, now)
            return None if allowed else TOO_MANY
        if not limits.answer_strangers:
            return _silence("stranger")
        if limits.scanners and _scans(message, limits.scanners):
            return _silence("scanner")
        if not self._of_one.take(source_of(host), limits.stranger, now):
            return _silence("rate")
        if not self._of_all.take("", limits.strangers, now):
            return _silence("rate_of_all")
        return None

    def failed(self, limits: FloodLimits, host: str, now: float) -> Refusal | None:
        """The same for a password that was wrong: who guesses is a stranger, wherever it is."""
        allowed = self._failed.take(source_of(host), limits.stranger, now)
        return None if allowed else _silence("rate")


def _silence(why: str) -> Refusal:
    return Refusal(SILENT, "", because=why)


def _scans(message: str, scanners: Sequence[str]) -> bool:
    agent = (texts.header(message, "User-Agent") or "").lower()
    return bool(agent) and any(name in agent for name in scanners)


class Dropped:
    """Tells what was dropped: the first one at once, then the sum of each `TOLD_EVERY_S`."""

    def __init__(
        self,
        tell: Callable[[dict[str, int], str], None],
        after: Callable[[float, Callable[[], None]], None],
    ) -> None:
        """`tell` is given how many of each reason, and the source of one of them."""
        self._tell, self._after = tell, after
        self._counts: Counter[str] = Counter()
        self._source = ""
        self._waits = False

    def add(self, why: str, source: str) -> None:
        self._counts[why] += 1
        self._source = source
        if not self._waits:
            self._told()

    def _told(self) -> None:
        counts, self._counts = dict(self._counts), Counter()
        self._waits = True
        self._after(TOLD_EVERY_S, self._over)
        self._tell(counts, self._source)

    def _over(self) -> None:
        self._waits = False
        if self._counts:
            self._told()
