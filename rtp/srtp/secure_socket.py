"""A socket whose datagrams are encrypted: what is read has been decrypted, what is written will be.

It stands where the transport has its socket, so that a call without SRTP has no step more, and
behind it nothing knows of SRTP: latch, statistics, taps and relays see plain packets that are the
peer's. RTP and RTCP are told apart by their type, as they may share a port (RFC 5761 4).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

from sipua.rtp.events import Address
from sipua.rtp.srtp.srtp import RefusedError, Srtp


class Datagrams(Protocol):
    """What the transport needs of a socket to read and write."""

    def recvfrom(self, size: int, /) -> tuple[bytes, Any]: ...

    def sendto(self, data: bytes, target: Any, /) -> int: ...


class SecureSocket:
    __slots__ = ("_refused", "_srtp", "_udp")

    def __init__(self, udp: Datagrams, srtp: Srtp, refused: Callable[[str], None]) -> None:
        """`refused`: gets the reason for each datagram that is not authentic."""
        self._udp = udp
        self._srtp = srtp
        self._refused = refused

    def recvfrom(self, size: int, /) -> tuple[bytes, Any]:
        """Raises BlockingIOError for a datagram that is not authentic: as for a wrong checksum,
        there is nothing to read.
        """
        datagram, source = self._udp.recvfrom(size)
        return self.opened(datagram), source

    def opened(self, datagram: bytes) -> bytes:
        """Raises BlockingIOError, as `recvfrom` does."""
        try:
            if len(datagram) > 1 and 192 <= datagram[1] <= 223:
                return self._srtp.unprotect_control(datagram)
            return self._srtp.unprotect(datagram)
        except RefusedError as error:
            self._refused(error.reason)
        raise BlockingIOError

    def sendto(self, data: bytes, target: Address, /) -> int:
        control = 192 <= data[1] <= 223
        srtp = self._srtp
        protected = srtp.protect_control(data) if control else srtp.protect(data)
        return self._udp.sendto(protected, target)
