"""A socket with handshakes and encrypted audio on one port (RFC 7983), for the transport.

    first byte   20 to 63: DTLS, to the handshake ─▶ keys ─┐
                 others: SRTP and SRTCP ───────────────────┴─▶ decrypted, to the transport

Nothing is sent and nothing is heard before there are keys; while others are agreed on, the old ones
are used until the new ones are there.

The peer may be at another address than its SDP says, so several sources may try, those that the
source latch could take: the first that has the peer's certificate is the peer. What one of them
does can end its own attempt, and where we begin the attempt is made again. A source that is less
likely the peer's, as the latch ranks them, takes nothing from a likelier one: neither its place nor
its number of attempts.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable
from dataclasses import replace
from typing import Any, Final, Protocol

from sipua.rtp.dtls.agreement import DtlsAgreement
from sipua.rtp.dtls.handshake import Handshake, HandshakeError, client_random
from sipua.rtp.events import Address
from sipua.rtp.srtp.keys import SrtpKeys
from sipua.rtp.srtp.secure_socket import Datagrams, SecureSocket
from sipua.rtp.srtp.srtp import Srtp

MOST_ATTEMPTS: Final = 4
"""At one time; the oldest of the unlikeliest makes room."""
MOST_BEGUN: Final = 10
"""Attempts of peers in a second, of each rank: each costs a signature."""
_AS_SAID: Final = 0
"""The rank of the address that is this port's by signalling."""
POLL_S: Final = 0.1
AGAIN_S: Final = 1.0
_READ_SIZE: Final = 2048
_NOT_BEGUN: Final = "the peer has not begun a DTLS handshake"
_UNFINISHED: Final = "the peer does not go on with the DTLS handshake"


class Sources(Protocol):
    """The source latch."""

    def rank_of_host(self, host: str) -> int | None: ...


class DtlsSocket:
    """`agree` is the beginning, and each other association."""

    def __init__(
        self,
        udp: Datagrams,
        sources: Sources,
        refused: Callable[[str], None],
        clock: Callable[[], float],
        changed: Callable[[], None],
    ) -> None:
        """`changed`: look at `suite` and `deadline` again."""
        self._udp = udp
        self._sources = sources
        self._refused = refused
        self._clock = clock
        self._changed = changed
        self._agreement: DtlsAgreement | None = None
        self._target: Address | None = None
        self._attempts: dict[Address, Handshake] = {}
        """Those that are not over."""
        self._done: tuple[Address, Handshake] | None = None
        self._begun: Counter[int] = Counter()
        """The attempts of peers in `_second`, by rank."""
        self._second = 0
        self._again_at: float | None = None
        self._poll_at: float | None = None
        self._srtp: Srtp | None = None
        self._media: SecureSocket | None = None
        self.trouble = _NOT_BEGUN
        """Why there are no keys of the last agreement; empty: there are."""

    def agree(self, agreement: DtlsAgreement, target: Address | None) -> None:
        """`target`: where the peer is by signalling; where we begin, the handshake goes there."""
        last, self._agreement = self._agreement, agreement
        before, self._target = self._target, target
        under_way = bool(self._attempts) and target == before
        if agreement == last and (under_way or self._done or not agreement.active):
            return
        self._again_at = None
        if agreement.active:
            self._begin()
        elif last is None or replace(last, number=agreement.number) != agreement:
            self._attempts.clear()
            self._done, self.trouble = None, _NOT_BEGUN
        self._changed()

    def close(self) -> None:
        """No more handshakes; what is told stays."""
        self._agreement = self._done = self._again_at = None
        self._attempts.clear()
        self._changed = _nothing

    @property
    def suite(self) -> str | None:
        return self._srtp.suite if self._srtp else None

    def recvfrom(self, size: int, /) -> tuple[bytes, Any]:
        """Raises BlockingIOError where there is nothing for the transport, as SecureSocket does."""
        datagram, source = self._udp.recvfrom(size)
        if datagram and 20 <= datagram[0] <= 63:
            self.take(datagram, source[:2])
        elif self._media is None:
            self._refused("srtp_early")
        else:
            return self._media.opened(datagram), source
        raise BlockingIOError

    def sendto(self, data: bytes, target: Address, /) -> int:
        if self._media is None:
            raise BlockingIOError
        return self._media.sendto(data, target)

    def drain(self, most: int) -> int:
        """Drop what waits there and is no handshake; how much that was."""
        dropped = 0
        for _ in range(most):
            try:
                datagram, source = self._udp.recvfrom(_READ_SIZE)
            except BlockingIOError:
                break
            except OSError:
                continue  # a pending ICMP error, reported once
            if datagram and 20 <= datagram[0] <= 63:
                self.take(datagram, source[:2])
            else:
                dropped += 1
        return dropped

    def take(self, datagram: bytes, source: Address) -> None:
        """A datagram of a handshake."""
        handshake = self._handshake_of(datagram, source)
        if handshake is None:
            return
        try:
            self._send(handshake.receive(datagram), source)
            if handshake.keys is not None and (
                self._done is None or handshake is not self._done[1]
            ):
                self._finish(handshake, handshake.keys, source)
        except HandshakeError as error:
            self._fail(source, error)
        self._changed()

    @property
    def deadline(self) -> float | None:
        """When `poll` has something to do; None: never."""
        if self._again_at is not None:
            return self._again_at
        if not self._attempts:
            self._poll_at = None
        elif self._poll_at is None:  # kept: datagrams that come meanwhile do not put it off
            self._poll_at = self._clock() + POLL_S
        return self._poll_at

    def poll(self) -> None:
        self._poll_at = None
        if self._again_at is not None and self._clock() >= self._again_at:
            self._again_at = None
            self._begin()
        for source, handshake in list(self._attempts.items()):
            try:
                self._send(handshake.poll(), source)
            except HandshakeError as error:
                self._fail(source, error)
        self._changed()

    def _begin(self) -> None:
        if self._agreement is not None and self._target is not None:
            handshake = Handshake(self._agreement)
            self._attempts = {self._target: handshake}
            self.trouble = _UNFINISHED
            self._send(handshake.begin(), self._target)

    def _handshake_of(self, datagram: bytes, source: Address) -> Handshake | None:
        agreement, rank = self._agreement, self._rank_of(source)
        if agreement is None or rank is None:
            self._refused("dtls_source")
            return None
        random = b"" if agreement.active else client_random(datagram)
        known = self._attempts.get(source)
        if known is None and self._done is not None:
            at, done = self._done
            known = done if source == at or (random and random == done.random) else None
        if known is not None and random in (b"", known.random):
            return known
        if random:
            return self._admitted(agreement, source, rank, random)
        if agreement.active and self._attempts:  # it answers from another address than its SDP's
            known = next(iter(self._attempts.values()))
            self._attempts = {source: known}
            return known
        self._refused("dtls_unexpected")
        return None

    def _rank_of(self, source: Address) -> int | None:
        rank = self._sources.rank_of_host(source[0])
        return _AS_SAID if rank is not None and source == self._target else rank

    def _admitted(
        self, agreement: DtlsAgreement, source: Address, rank: int, random: bytes
    ) -> Handshake | None:
        """An attempt of a peer. One that has keys may make others, as after a hold of Asterisk's:
        the certificate is proof enough."""
        if (second := int(self._clock())) != self._second:
            self._second = second
            self._begun.clear()
        self._begun[rank] += 1
        if self._begun[rank] > MOST_BEGUN or not self._has_room(source, rank):
            self._refused("dtls_too_many")
            return None
        self._attempts[source] = handshake = Handshake(agreement, random)
        if self._done is None:
            self.trouble = _UNFINISHED
        return handshake

    def _has_room(self, source: Address, rank: int) -> bool:
        """Made, if it has to be, by the end of an attempt that is as unlikely, or more."""
        self._attempts.pop(source, None)
        if len(self._attempts) < MOST_ATTEMPTS:
            return True
        ranks = {one: self._rank_of(one) for one in self._attempts}
        last, worst = max(ranks.items(), key=lambda one: math.inf if one[1] is None else one[1])
        if worst is not None and worst < rank:
            return False
        del self._attempts[last]
        return True

    def _finish(self, handshake: Handshake, keys: SrtpKeys, source: Address) -> None:
        self._done, self.trouble = (source, handshake), ""
        self._attempts.clear()
        if self._srtp is not None:
            self._srtp.update(keys)
        else:
            self._srtp = Srtp(keys)
            self._media = SecureSocket(self._udp, self._srtp, self._refused)

    def _fail(self, source: Address, error: HandshakeError) -> None:
        self._attempts.pop(source, None)
        self._refused(error.reason)
        if self._done is None:
            self.trouble = f"the DTLS handshake failed: {error}"
        if self._agreement is not None and self._agreement.active:
            self._again_at = self._clock() + AGAIN_S

    def _send(self, datagrams: list[bytes], target: Address) -> None:
        for datagram in datagrams:
            try:
                self._udp.sendto(datagram, target)
            except OSError:  # unreachable, or no room: it is sent again
                return


def _nothing() -> None:
    """In the place of a callback, once it is closed."""
