"""The connections that peers make to us, as pjsip tells of them: asked for, used, ended. pjsua2
thread only. `sipua.sip.admission.connections` decides; here they are cut, and it is told.

Our own build alone asks (scripts/build_pjsua2/connections.cpp); with the index's wheel there is no
bound. A connection is cut by the end of its socket: pjsip sees that the peer has closed it, in the
middle of a handshake, too, and frees what belongs to it.
"""

from __future__ import annotations

import contextlib
import socket
import time
from collections.abc import Callable

from sipua.sip.admission.admission import Admission
from sipua.sip.admission.connections import Connection, Connections
from sipua.sip.admission.flood import Dropped
from sipua.sip.messages import SipEvent
from sipua.sip.peer_news import ConnectionsRefused
from sipua.sip.wire.addresses import address

_LOOK_S = 1.0


class PeerConnections:
    def __init__(
        self,
        admission: Admission,
        emit: Callable[[SipEvent], None],
        after: Callable[[float, Callable[[], None]], None],
    ) -> None:
        self._admission = admission
        self._after = after
        self._connections = Connections()
        self._refused = Dropped(
            lambda counts, source: emit(ConnectionsRefused(counts, source)), after
        )
        self._looks = False

    def may_come(self, descriptor: int, port: int, peer: str) -> bool:
        """`port`: of ours."""
        host, now = address(peer)[0], time.monotonic()
        limits, known = self._admission.connections, self._admission.knows(host)
        verdict = self._connections.begin(
            limits, descriptor, (port, peer), host, peer=known, now=now
        )
        if verdict.cut is not None:
            self._cut(verdict.cut, "connections")
        if verdict.refused:
            self._refused.add(verdict.refused, host)
            return False
        self._look_later()
        return True

    def request(self, port: int, peer: str, names: frozenset[str], *, begins_call: bool) -> None:
        """`names`: in the certificate of its connection."""
        known = self._admission.is_peer(address(peer)[0], names)
        now = time.monotonic()
        self._connections.request((port, peer), peer=known, keep=begins_call, now=now)

    def of_call(self, port: int, peer: str) -> None:
        """A request of a call that is up."""
        self._connections.request((port, peer), peer=False, keep=True, now=time.monotonic())

    def ended(self, descriptor: int) -> None:
        self._connections.end(descriptor)

    def _look_later(self) -> None:
        if not self._looks:
            self._looks = True
            self._after(_LOOK_S, self._look)

    def _look(self) -> None:
        self._looks = False
        for one, reason in self._connections.over(self._admission.connections, time.monotonic()):
            self._cut(one, reason)
        if self._connections:
            self._look_later()

    def _cut(self, one: Connection, reason: str) -> None:
        self._refused.add(reason, one.host)
        with contextlib.suppress(OSError):  # the peer was faster, or its socket is gone
            theirs = socket.socket(fileno=one.socket)
            try:
                theirs.shutdown(socket.SHUT_RDWR)
            finally:
                theirs.detach()
