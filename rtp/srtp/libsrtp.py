"""libsrtp by the C interface of pylibsrtp, with buffers that are made once.

pylibsrtp's own `Session.protect` makes a length, and looks at types, for each packet: 2.2 µs, and
this 1.3. Its C interface is not its public one: `test_libsrtp.py` notices when it changes.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final

from pylibsrtp import Policy, Session
from pylibsrtp._binding import ffi, lib  # type: ignore[import-not-found]  # has no types

LONGEST: Final = 2048
"""More than the transport reads."""
TRAILER: Final = 4 + 16 + 128
"""What a packet grows by, at most: index, tag, MKI."""

AUTH_FAILED: Final = 7
REPLAYED: Final = (9, 10)
"""Error codes of libsrtp: came before, or too old to know."""

Operation = Callable[[Any, Any, Any], int]
PROTECT: Final[Operation] = lib.srtp_protect
PROTECT_CONTROL: Final[Operation] = lib.srtp_protect_rtcp
UNPROTECT: Final[Operation] = lib.srtp_unprotect
UNPROTECT_CONTROL: Final[Operation] = lib.srtp_unprotect_rtcp


class CryptError(Exception):
    """What libsrtp says of a packet, by its number; 0: the packet is too long."""

    def __init__(self, code: int) -> None:
        super().__init__(f"libsrtp says {code}" if code else "the packet is too long")
        self.code = code


class Crypt:
    """The packets of one direction, with one key."""

    __slots__ = ("_buffer", "_bytes", "_context", "_length", "_session")

    def __init__(self, policy: Policy) -> None:
        self._session = Session(policy)
        """It gives the context back."""
        self._context = self._session._srtp[0]  # noqa: SLF001 - as above
        self._buffer = ffi.new("char[]", LONGEST + TRAILER)
        self._bytes = ffi.buffer(self._buffer)
        self._length = ffi.new("int *")

    def run(self, operation: Operation, packet: bytes) -> bytes:
        """Raises CryptError."""
        size = len(packet)
        if size > LONGEST:
            raise CryptError(0)
        length, data = self._length, self._bytes
        data[:size] = packet
        length[0] = size
        if code := operation(self._context, self._buffer, length):
            raise CryptError(code)
        result: bytes = data[: length[0]]
        return result
