"""What both sides of an encrypted call know: suite and keys. No I/O, and not the library.

Offer and answer settle them (SDES). A handshake on the RTP port could as well (DTLS-SRTP), and
would end in the same `SrtpKeys`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final


@dataclass(frozen=True, slots=True)
class Suite:
    """A pair of cipher and authentication, by its name in RFC 4568 and RFC 7714."""

    name: str
    key_bytes: int
    salt_bytes: int

    @property
    def material_bytes(self) -> int:
        """Of master key and master salt, which are always written as one."""
        return self.key_bytes + self.salt_bytes


AES_CM_128_HMAC_SHA1_80: Final = "AES_CM_128_HMAC_SHA1_80"
AES_CM_128_HMAC_SHA1_32: Final = "AES_CM_128_HMAC_SHA1_32"
AEAD_AES_128_GCM: Final = "AEAD_AES_128_GCM"
AEAD_AES_256_GCM: Final = "AEAD_AES_256_GCM"

SUITES: Final = {
    suite.name: suite
    for suite in (
        Suite(AES_CM_128_HMAC_SHA1_80, 16, 14),
        Suite(AES_CM_128_HMAC_SHA1_32, 16, 14),
        Suite(AEAD_AES_128_GCM, 16, 12),
        Suite(AEAD_AES_256_GCM, 32, 12),
    )
}
"""Those of pylibsrtp; it has no AES_256_CM."""


@dataclass(frozen=True, slots=True)
class SrtpKeys:
    """Master key and master salt of each direction. Never in a log: `repr` leaves them out."""

    suite: str
    send: bytes = field(repr=False)
    receive: bytes = field(repr=False)
