"""A replay whose audio is encrypted (`--srtp`); imported only for it, as it needs `sipua[srtp]`."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Sequence

from sipua.rtp.srtp.keys import AES_CM_128_HMAC_SHA1_80, SUITES, SrtpKeys
from sipua.rtp.srtp.srtp import RefusedError, Srtp


class Encryption:
    """The keys of all calls, and the packets of the phones: each call has a state of its own for
    them, so they are encrypted once.
    """

    def __init__(self, packets: Sequence[bytes]) -> None:
        suite = SUITES[AES_CM_128_HMAC_SHA1_80]
        ours, theirs = (secrets.token_bytes(suite.material_bytes) for _ in range(2))
        self.keys = SrtpKeys(suite.name, ours, theirs)
        """The edge's."""
        phone = Srtp(SrtpKeys(suite.name, theirs, ours))
        made: dict[bytes, bytes] = {}  # one that was recorded twice is sent twice
        for packet in packets:
            if packet not in made:
                made[packet] = phone.protect(packet)
        self.packets = [made[packet] for packet in packets]

    def reader(self) -> Callable[[bytes], bytes]:
        """Decrypts what one phone gets; empty: it is not the edge's."""
        srtp = Srtp(SrtpKeys(self.keys.suite, self.keys.receive, self.keys.send))

        def read(datagram: bytes) -> bytes:
            try:
                return srtp.unprotect(datagram)
            except RefusedError:
                return b""

        return read
