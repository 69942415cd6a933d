"""Pairs of UDP ports for calls: RTP on the even one, RTCP on the next.

Ports are chosen at random (an attacker cannot guess the next call's) and rest after use, so that
late packets of an old call have died out before the port belongs to a new one. Ports come bound:
what signalling writes into the SDP can really be received on. A pair is of one family, IPv4 or
IPv6, as its call needs it; a number is given out once, whichever family it is for.
"""

import errno
import random
import socket
from collections import deque
from dataclasses import dataclass
from threading import Lock

from sipua.rtp.hostport import join

_MAX_ATTEMPTS = 64
# Some seconds of one call's packets, the same on every host.
_RECEIVE_BUFFER = 256 * 1024
# Expedited forwarding (RFC 3246), the class of service that networks give to voice.
_DSCP_EF = 46 << 2
_NAMES = {socket.AF_INET: "IPv4", socket.AF_INET6: "IPv6"}


def family_of(host: str) -> socket.AddressFamily:
    """The family of an IP address; anything else (a name) counts as IPv4."""
    return socket.AF_INET6 if ":" in host else socket.AF_INET


class NoPortsLeft(Exception):  # noqa: N818 - the condition's name, not a fault
    """No pair is free now; the text says why. New calls get 503."""


@dataclass(slots=True, eq=False)
class ReservedPort:
    port: int
    rtp_socket: socket.socket
    rtcp_socket: socket.socket

    @property
    def family(self) -> socket.AddressFamily:
        return socket.AddressFamily(self.rtp_socket.family)


class PortPool:
    """Thread-safe: the signalling thread reserves, the loop releases."""

    def __init__(
        self,
        hosts: tuple[str, ...],
        port_min: int,
        port_max: int,
        *,
        rest_s: float = 30,
        rng: random.Random | None = None,
    ) -> None:
        self._hosts = {family_of(host): host for host in hosts}
        self._rest_s = rest_s
        self._random = random.SystemRandom() if rng is None else rng
        self._lock = Lock()
        self._free = list(range(port_min + port_min % 2, port_max, 2))
        self._size = len(self._free)
        self._resting: deque[tuple[float, int]] = deque()
        self._in_use: set[int] = set()
        self._refused = 0

    @property
    def families(self) -> tuple[socket.AddressFamily, ...]:
        """The families that have pairs, in the order of the hosts."""
        return tuple(self._hosts)

    def reserve(self, now: float, family: socket.AddressFamily | None = None) -> ReservedPort:
        """A bound pair of that family, or of the first host's. Raises NoPortsLeft."""
        family = self.families[0] if family is None else family
        host = self._hosts.get(family)
        if host is None:
            raise NoPortsLeft(f"there is no {_NAMES[family]} address to bind to")
        with self._lock:
            self._wake(now)
            for _ in range(_MAX_ATTEMPTS):
                if not self._free:
                    break
                port = self._draw()
                try:
                    reserved = _bind(host, port)
                except OSError as error:
                    self._refused += 1
                    if error.errno != errno.EADDRINUSE:
                        # No descriptors, no such address: no other port would do better.
                        self._free.append(port)
                        raise NoPortsLeft(f"cannot bind {join(host, port)}: {error}") from error
                    self._resting.append((now + self._rest_s, port))  # another process has it
                    continue
                self._in_use.add(port)
                return reserved
            raise NoPortsLeft(
                f"no RTP port free: {len(self._in_use)} of {self._size} pairs in use, "
                f"{len(self._resting)} resting"
            )

    def release(self, reserved: ReservedPort, now: float) -> None:
        """Close the sockets; the port rests. A second release does nothing."""
        with self._lock:
            reserved.rtp_socket.close()
            reserved.rtcp_socket.close()
            if reserved.port in self._in_use:
                self._in_use.remove(reserved.port)
                self._resting.append((now + self._rest_s, reserved.port))

    def left(self, now: float) -> bool:
        """Whether there is a pair to try; another process may still have bound it."""
        with self._lock:
            self._wake(now)
            return bool(self._free)

    def stats(self) -> dict[str, int]:
        with self._lock:
            return {
                "pairs": self._size,
                "in_use": len(self._in_use),
                "resting": len(self._resting),
                "free": len(self._free),
                "refused": self._refused,
            }

    def _wake(self, now: float) -> None:
        while self._resting and self._resting[0][0] <= now:
            self._free.append(self._resting.popleft()[1])

    def _draw(self) -> int:
        index = self._random.randrange(len(self._free))
        self._free[index], self._free[-1] = self._free[-1], self._free[index]
        return self._free.pop()


def _bind(host: str, port: int) -> ReservedPort:
    rtp = _open(host, port)
    try:
        rtcp = _open(host, port + 1)
    except OSError:
        rtp.close()
        raise
    return ReservedPort(port, rtp, rtcp)


def _open(host: str, port: int) -> socket.socket:
    family = family_of(host)
    udp = socket.socket(family, socket.SOCK_DGRAM)
    try:
        udp.setblocking(False)
        udp.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, _RECEIVE_BUFFER)
        if family == socket.AF_INET6:
            # IPv4 peers would be seen as ::ffff:192.0.2.1, and match nothing that signalling names.
            udp.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
            udp.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_TCLASS, _DSCP_EF)
        else:
            udp.setsockopt(socket.IPPROTO_IP, socket.IP_TOS, _DSCP_EF)
        udp.bind((host, port))
    except OSError:
        udp.close()
        raise
    return udp
