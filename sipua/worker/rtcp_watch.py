"""Shows the edge the RTCP of calls, where it wants to see it: of a call, two in five seconds."""

from __future__ import annotations

import time
from collections.abc import Callable

from sipua.config import Config
from sipua.edge.wiring import wiring
from sipua.outputs.hep.seen import RtcpSeen
from sipua.rtp.events import Address
from sipua.rtp.ports import ReservedPort
from sipua.rtp.session.transport import Tap
from sipua.worker.link.coding import LinkError
from sipua.worker.link.messages import ToEdge


class RtcpWatch:
    def __init__(self, config: Config, send: Callable[[ToEdge], None]) -> None:
        self._config = config
        self._send = send
        self._missed = 0

    def of(self, call_id: str, local: ReservedPort) -> Tap:
        """For the call on this port."""
        ours: dict[str, Address] = {}  # as this peer sees it: looked up once

        def tap(_now: float, sent: bool, peer: Address, datagram: bytes) -> None:
            if peer[0] not in ours:
                ours.clear()
                host, port = wiring.rtp_address(self._config, local, peer[0])
                ours[peer[0]] = host, port + 1
            ends = (ours[peer[0]], peer) if sent else (peer, ours[peer[0]])
            self._tell(RtcpSeen(call_id, time.time(), *ends, datagram, self._missed))

        return tap

    def _tell(self, seen: RtcpSeen) -> None:
        try:
            self._send(seen)
        except LinkError:  # the next one says so
            self._missed += 1
        else:
            self._missed = 0
