"""A talking phone that can press keys: telephone events (RFC 4733) in the place of its audio."""

from __future__ import annotations

import socket
import struct
from collections.abc import Sequence

from sipua.bench.replay.phones import TalkingPhone

_KEYS = "0123456789*#"
_PAYLOAD_TYPE = 101
_HEADER = struct.Struct("!BBHII")
_EVENT = struct.Struct("!BBH")
_FRAMES = 5
"""Of a key; its last packet is sent three times."""
_SAMPLES = 160
_VOLUME = 10
_END = 0x80


class KeyPhone(TalkingPhone):
    def __init__(
        self, udp: socket.socket, law_silence: int, frames: Sequence[bytes], ssrc: int
    ) -> None:
        super().__init__(udp, law_silence, frames, 0, ssrc)
        self._events: list[tuple[int, bytes]] = []
        """Marker bit and payload of those to send; the key's timestamp is its first packet's."""
        self._stamp = 0
        self._received = 0

    def press(self, key: str) -> None:
        code = _KEYS.index(key)
        steps = range(1, _FRAMES + 1)
        for step in steps:
            self._events.append((0x80 if step == 1 else 0, self._event(code, 0, step)))
        self._events += [(0, self._event(code, _END, _FRAMES))] * 3

    @property
    def received(self) -> int:
        return self._received + len(self.heard.sequence)

    def forget(self) -> None:
        """What it notes of each packet is not looked at: hours of it would fill the memory."""
        self._received += len(self.take().sequence)

    def packet(self, count: int) -> bytes:
        if not self._events:
            return super().packet(count)
        marker, event = self._events.pop(0)
        if marker:
            self._stamp = count * _SAMPLES & 0xFFFFFFFF
        header = _HEADER.pack(0x80, marker | _PAYLOAD_TYPE, count & 0xFFFF, self._stamp, self.ssrc)
        return header + event

    def _event(self, code: int, end: int, step: int) -> bytes:
        return _EVENT.pack(code, end | _VOLUME, step * _SAMPLES)
