"""The way to the collector: a UDP socket, or a connection that is made anew when it is lost.

One thread uses it, and may wait here: for a name, for a connection, for a receiver that is slow.
"""

from __future__ import annotations

import random
import socket
import ssl
from typing import Final

from sipua.bridge.backoff import BackOff
from sipua.outputs.hep.settings import HepSettings
from sipua.rtp.events import Address

_TIMEOUT_S: Final = 5.0
_FIRST_WAIT_S: Final = 1.0
_LONGEST_WAIT_S: Final = 30.0
_LOOK_UP_AGAIN_S: Final = 300.0
"""A UDP socket is never told that its collector has moved."""


class Line:
    def __init__(self, settings: HepSettings) -> None:
        self._settings = settings
        self._back_off = BackOff(_FIRST_WAIT_S, _LONGEST_WAIT_S, random.random)
        self._socket: socket.socket | None = None
        self._ends: tuple[Address, Address] | None = None
        self._not_before_s = 0.0
        self._opened_at = 0.0
        self.cause = ""
        """What went wrong last."""
        self.opened = 0
        self.refused = 0
        """Datagrams that a closed port has answered."""
        self.failed = 0
        """Packets that did not leave."""
        self.sent = 0
        self.troubles = 0
        """Whatever went wrong, once each."""

    @property
    def is_up(self) -> bool:
        return self._socket is not None

    def open(self, now: float) -> bool:
        """Whether packets can be sent. A connection is made when there is none, but not before its
        time."""
        datagrams = self._settings.transport == "udp"
        if self._socket is not None:
            if not datagrams or now - self._opened_at < _LOOK_UP_AGAIN_S:
                return True
            self.close()
        if now < self._not_before_s:
            return False
        try:
            self._socket = self._connected(datagrams)
            # Now: a connection that was reset does not know the other end any more.
            self._ends = self._socket.getsockname()[:2], self._socket.getpeername()[:2]
        except OSError as error:
            self._broken(now, error)
            return False
        self._opened_at = now
        self.opened += 1
        return True

    def ends(self) -> tuple[Address, Address]:
        """Our address and the collector's, of the last connection."""
        assert self._ends is not None
        return self._ends

    def send(self, data: bytes, now: float) -> bool:
        """False: it did not leave, and is counted."""
        if self._socket is None:
            self.failed += 1
            return False
        try:
            if self._settings.transport == "udp":
                self._send_datagram(self._socket, data)
            else:
                self._socket.sendall(data)
        except OSError as error:
            self.failed += 1
            if self._settings.transport == "udp":
                self._trouble(error)
            else:
                self._broken(now, error)
            return False
        self._back_off.reset()
        self.sent += 1
        return True

    def _send_datagram(self, udp: socket.socket, data: bytes) -> None:
        try:
            udp.send(data)
        except ConnectionRefusedError as error:  # of an earlier one: this one has not been sent
            self.refused += 1
            self._trouble(error)
            udp.send(data)

    def _connected(self, datagrams: bool) -> socket.socket:
        settings = self._settings
        if not datagrams:
            found = socket.create_connection((settings.host, settings.port), _TIMEOUT_S)
            return self._encrypted(found) if settings.transport == "tls" else found
        found_all = socket.getaddrinfo(settings.host, settings.port, type=socket.SOCK_DGRAM)
        # Nothing tells which of a name's addresses is listened on: most often it is that of IPv4.
        family, kind, protocol, _, address = min(
            found_all, key=lambda one: one[0] != socket.AF_INET
        )
        udp = socket.socket(family, kind, protocol)
        try:
            udp.connect(address)
            udp.settimeout(_TIMEOUT_S)
        except BaseException:
            udp.close()
            raise
        return udp

    def _encrypted(self, connection: socket.socket) -> socket.socket:
        """Raises OSError, as ssl.SSLError is one; the connection is closed then."""
        try:
            context = ssl.create_default_context(cafile=self._settings.ca_file or None)
            return context.wrap_socket(connection, server_hostname=self._settings.host)
        except BaseException:
            connection.close()
            raise

    def _broken(self, now: float, error: OSError) -> None:
        self.close()
        self._trouble(error)
        self._not_before_s = now + self._back_off.next_s()

    def _trouble(self, error: OSError) -> None:
        self.troubles += 1
        self.cause = error.strerror or str(error) or type(error).__name__

    def close(self) -> None:
        if self._socket is not None:
            self._socket.close()
            self._socket = None
