"""The search for our public address, without sockets or a clock: `now` comes in, requests and news
go out.

    ASKING ──answer, the address as before──▶ KNOWN ──refresh_s──▶ ASKING
       │ ├───answer, another address────────▶ ASKING again; a second answer that agrees: it is taken
       │ └───nothing, or an error───────────▶ FAILED, once told; the next server after RETRY_S
       └─ repeated after 0.5, 1, 2 s (RFC 5389 7.2.1, ended earlier: there is another server)

What was known holds while no server answers: an address rarely changes, and an edge that takes back
a good one ends calls. Another address is asked for twice, as one wrong answer would move all calls.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

from sipua.sip.nat import stun

RETRY_S = 5.0
"""As soon: an edge that does not know its address has calls without sound."""
REPEAT_AFTER_S = (0.5, 1.0, 2.0, 2.0)
"""The last one is the end of the attempt."""


@dataclass(frozen=True, slots=True)
class Ask:
    """Send this to the server of that number."""

    server: int
    datagram: bytes


@dataclass(frozen=True, slots=True)
class Learned:
    address: str
    before: str
    """Empty: none was known."""
    server: int


@dataclass(frozen=True, slots=True)
class Failed:
    """Each server was asked, and none has said it. Told once, until one answers."""

    cause: str


Step: TypeAlias = Ask | Learned | Failed


class Search:
    def __init__(
        self, servers: int, new_transaction: Callable[[], bytes], *, refresh_s: float
    ) -> None:
        """`servers`: how many there are."""
        self._refresh_s = refresh_s
        self._servers = servers
        self._new_transaction = new_transaction
        self._server = 0
        self._transaction: bytes | None = None
        self._sent = 0
        self._failures = 0
        self._told_failure = False
        self._doubted = ""
        """Another address than before, said once."""
        self.due = 0.0
        self.address = ""

    @property
    def server(self) -> int:
        """The one that is asked."""
        return self._server

    def handle_timer(self, now: float) -> list[Step]:
        """Do what is due."""
        if now < self.due:
            return []
        if self._transaction is None:
            return self._ask(now)
        if self._sent < len(REPEAT_AFTER_S):
            return self._repeat(now)
        return self._fail(now, "no answer")

    def receive(self, datagram: bytes, now: float) -> list[Step]:
        """Take what has come from the server that is asked."""
        if self._transaction is None:
            return []  # late, or forged
        try:
            mapped = stun.read(datagram, self._transaction)
        except stun.StunError as error:
            # Others than the server can send to us, too: only what has our bits is an answer.
            is_ours = datagram[8 : 8 + stun.TRANSACTION_BYTES] == self._transaction
            return self._fail(now, f"its answer {error}") if is_ours else []
        return self._answered(mapped.address, now)

    def unreachable(self, cause: str, now: float) -> list[Step]:
        """The name of the server is not known, or nothing can be sent to it."""
        return [] if self._transaction is None else self._fail(now, cause)

    def _ask(self, now: float) -> list[Step]:
        self._transaction, self._sent = self._new_transaction(), 0
        return self._repeat(now)

    def _repeat(self, now: float) -> list[Step]:
        assert self._transaction is not None
        self.due = now + REPEAT_AFTER_S[self._sent]
        self._sent += 1
        return [Ask(self._server, stun.request(self._transaction))]

    def _answered(self, address: str, now: float) -> list[Step]:
        self._transaction = None
        self._failures, self._told_failure = 0, False
        before, doubted = self.address, self._doubted
        if before and address not in (before, doubted):
            self._doubted = address
            return self._ask(now)
        self._doubted = ""
        self.due = now + self._refresh_s
        if address == before:
            return []
        self.address = address
        return [Learned(address, before, self._server)]

    def _fail(self, now: float, cause: str) -> list[Step]:
        self._transaction, self._doubted = None, ""
        self._failures += 1
        self._server = (self._server + 1) % self._servers
        if self._failures < self._servers:
            return self._ask(now)
        self._failures = 0
        self.due = now + RETRY_S
        if self._told_failure:
            return []
        self._told_failure = True
        return [Failed(cause)]
