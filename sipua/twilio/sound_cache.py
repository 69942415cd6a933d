"""The sounds that documents have played last, as the phone hears them.

Calls hear the same ones, and most formats cost a child process each time they are decoded.
"""

from __future__ import annotations

import hashlib
import threading
from collections import OrderedDict
from typing import Final

from sipua.bridge.playout import any_format
from sipua.codecs.pcm import Pcm

MOST_BYTES: Final = 32 << 20
"""35 minutes of sound."""


class SoundCache:
    """Of a worker; for any thread."""

    def __init__(self, most_bytes: int = MOST_BYTES) -> None:
        self._most_bytes = most_bytes
        self._lock = threading.Lock()
        self._kept: OrderedDict[bytes, Pcm] = OrderedDict()
        self._bytes = 0

    def decoded(self, data: bytes, name: str) -> Pcm:
        """By what is in it, since a server may change what is behind an address. It may take
        seconds. Raises SoundError."""
        key = hashlib.sha256(data).digest()
        with self._lock:
            if (kept := self._kept.get(key)) is not None:
                self._kept.move_to_end(key)
                return kept
        pcm = any_format.decoded(data, name)
        with self._lock:
            if key not in self._kept and pcm.nbytes <= self._most_bytes:
                self._kept[key] = pcm
                self._bytes += pcm.nbytes
            while self._bytes > self._most_bytes:
                self._bytes -= self._kept.popitem(last=False)[1].nbytes
        return pcm
