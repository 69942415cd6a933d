"""Packets that only keep a NAT's mapping open, while no audio of ours leaves (RFC 6263).

Audio packets carry no time for this: it would cost each of them. So their total is looked at three
times in an interval, and the first look that finds nothing new is soon enough.
"""

from __future__ import annotations

import math
from collections.abc import Container

from sipua.rtp.events import Address
from sipua.rtp.session.send_stream import SendStream

_LOOKS = 3
_DYNAMIC_TYPES = range(127, 95, -1)


class Keepalive:
    """One session's. `every_s` 0: it sends nothing."""

    __slots__ = ("_look_s", "_own", "_packet", "_quiet", "_sent", "due")

    def __init__(self, own: SendStream, every_s: float, now: float) -> None:
        self._own = own
        self._look_s = every_s / _LOOKS
        self._sent = 0
        self._quiet = 0
        self._packet: tuple[bytes, Address] | None = None
        self.due = now + self._look_s if every_s else math.inf

    def handle_timer(self, now: float, known_types: Container[int], *, muxed: bool) -> None:
        """A look, when it is due. `muxed`: reports leave by the same port, and more often."""
        self.due = now + self._look_s
        sent = self._own.audio_sent
        if sent != self._sent:
            self._sent, self._quiet = sent, 0
            return
        self._quiet += 1
        if self._quiet % _LOOKS == 1 and not muxed:
            unknown = next(one for one in _DYNAMIC_TYPES if one not in known_types)
            self._packet = self._own.keepalive(unknown)

    def take(self) -> tuple[bytes, Address] | None:
        """The packet of handle_timer(), given once: send it now."""
        packet, self._packet = self._packet, None
        return packet
