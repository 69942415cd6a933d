"""The other end of an encrypted call, and its keys."""

import hashlib

from sipua.rtp.srtp.keys import AES_CM_128_HMAC_SHA1_80, SUITES, SrtpKeys
from sipua.rtp.srtp.srtp import Srtp


def key(name: str, suite: str = AES_CM_128_HMAC_SHA1_80) -> bytes:
    return hashlib.shake_128(name.encode()).digest(SUITES[suite].material_bytes)


def keys(
    send: str = "ours", receive: str = "theirs", suite: str = AES_CM_128_HMAC_SHA1_80
) -> SrtpKeys:
    return SrtpKeys(suite, key(send, suite), key(receive, suite))


def both_ends(suite: str = AES_CM_128_HMAC_SHA1_80) -> tuple[Srtp, Srtp]:
    """Ours and the peer's."""
    return Srtp(keys(suite=suite)), Srtp(keys("theirs", "ours", suite))
