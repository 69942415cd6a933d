"""Which connections by TCP and TLS peers may make, and how long they may keep them.

    begin ──▶ stranger ──first whole request──▶ heard ──idle──▶ to be cut ──▶ end
      │          └─────── none in time ────────────────────────────▲
      └──▶ peer (its address, or later its certificate, is one of the configuration's)

A peer of the configuration has room that no other can take, and no time-out: a trunk keeps its
connection for the next call. A stranger's connection that carries a call (`sip.accept = "any"`) has
no time-out here, either: pjsip closes it ten minutes after its last transaction. It makes room only
where its source has more of them than the one that comes. When the room of
strangers is full, one of the source that has most of them makes room for the next: a peer that is
known by its certificate alone is one of them until its first request, and silent connections must
not lock it out.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

from sipua.sip.admission.admission import ConnectionLimits
from sipua.sip.admission.sources import SOURCES, Buckets, source_of

_BEING_CUT = 64
"""So many may have been told to end and not have ended; pjsip accepts as many at once."""


@dataclass(slots=True)
class Connection:
    socket: int
    host: str
    source: str
    came_by: tuple[int, str]
    """Our port, and the peer's address."""
    heard_s: float
    """When its last whole request came; before the first one, when it began."""
    asked: bool = False
    """A whole request has come."""
    peer: bool = False
    """Of a trunk or an account."""
    kept: bool = False
    """No time is over for it: it carries a call, or it is cut already."""


@dataclass(frozen=True, slots=True)
class Verdict:
    refused: str = ""
    """The reason; empty: it may come."""
    cut: Connection | None = None
    """That it takes the place of."""


class Connections:
    """Pure: `now` is passed in. A connection is known by its socket until `end`."""

    def __init__(self) -> None:
        self._all: dict[int, Connection] = {}
        self._by_way: dict[tuple[int, str], Connection] = {}
        self._waiting: dict[int, Connection] = {}
        """Of strangers, in the order of their last request: those that have a time-out."""
        self._with_call: dict[int, Connection] = {}
        """Of strangers, those that carry a call, or have."""
        self._strangers = 0
        self._of_source: Counter[str] = Counter()
        """Strangers' connections."""
        self._rate_of_one = Buckets(SOURCES)
        self._rate_of_all = Buckets(1)

    def __len__(self) -> int:
        return len(self._all)

    def begin(
        self,
        limits: ConnectionLimits,
        socket: int,
        came_by: tuple[int, str],
        host: str,
        *,
        peer: bool,
        now: float,
    ) -> Verdict:
        """`peer`: the address is one of a trunk or an account."""
        verdict = self._peer(limits) if peer else self._stranger(limits, host, now)
        if not verdict.refused:
            one = Connection(socket, host, source_of(host), came_by, now, peer=peer, kept=peer)
            self._all[socket] = self._by_way[came_by] = one
            if not peer:
                self._waiting[socket] = one
                self._count(one, 1)
        return verdict

    def request(
        self, came_by: tuple[int, str], *, peer: bool, keep: bool = False, now: float
    ) -> None:
        """A whole one. `peer`: of a trunk or an account, by its address or its certificate.
        `keep`: it is of a call."""
        one = self._by_way.get(came_by)
        if one is None or one.peer:
            return
        one.asked, one.heard_s = True, now
        if peer:
            self._count(one, -1)
            one.peer = True
            self._keep(one)
        elif one.kept:
            return
        elif keep:
            self._keep(one)
            self._with_call[one.socket] = one
        else:
            self._waiting[one.socket] = self._waiting.pop(one.socket)

    def end(self, socket: int) -> None:
        one = self._all.pop(socket, None)
        if one is None:
            return
        if self._by_way.get(one.came_by) is one:
            del self._by_way[one.came_by]
        self._waiting.pop(socket, None)
        self._with_call.pop(socket, None)
        if not one.peer:
            self._count(one, -1)

    def over(self, limits: ConnectionLimits, now: float) -> Iterator[tuple[Connection, str]]:
        """Those whose time is over, each once, with the reason."""
        for one in list(self._waiting.values()):
            limit_s = limits.idle_s if one.asked else limits.first_request_s
            if limit_s and now - one.heard_s >= limit_s:
                self._keep(one)
                yield one, "idle" if one.asked else "first_request"

    def _peer(self, limits: ConnectionLimits) -> Verdict:
        full = 0 < limits.peers <= len(self._all) - self._strangers
        return Verdict("peers" if full else "")

    def _stranger(self, limits: ConnectionLimits, host: str, now: float) -> Verdict:
        source = source_of(host)
        if 0 < limits.per_source <= self._of_source[source]:
            return Verdict("per_source")
        if not self._rate_of_one.take(source, limits.rate, now):
            return Verdict("rate")
        if not self._rate_of_all.take("", limits.rate_of_all, now):
            return Verdict("rate_of_all")
        if not 0 < limits.strangers <= self._strangers:
            return Verdict()
        if self._strangers >= limits.strangers + _BEING_CUT:
            return Verdict("connections")
        most, least = _least(self._waiting or self._with_call)
        if least is None or (least.kept and most <= self._of_source[source] + 1):
            return Verdict("connections")
        self._keep(least)
        return Verdict(cut=least)

    def _keep(self, one: Connection) -> None:
        """No time is over for it from now on."""
        one.kept = True
        self._waiting.pop(one.socket, None)
        self._with_call.pop(one.socket, None)

    def _count(self, one: Connection, by: int) -> None:
        self._strangers += by
        self._of_source[one.source] += by
        if not self._of_source[one.source]:
            del self._of_source[one.source]


def _least(some: dict[int, Connection]) -> tuple[int, Connection | None]:
    """Whose turn it is to go: of the sources with most of these the one that waits longest; and how
    many that source has."""
    of_source = Counter(one.source for one in some.values())
    most = max(of_source.values(), default=0)
    return most, next((one for one in some.values() if of_source[one.source] == most), None)
