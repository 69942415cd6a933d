"""The packets of one call, encrypted and decrypted by libsrtp (pylibsrtp, the extra `srtp`).

libsrtp keeps for each SSRC what RFC 3711 asks for: the roll-over counter, a replay window of 128
packets, and the same for SRTCP. An SSRC gets its state with its first authentic packet: what is
forged is not remembered.
"""

from __future__ import annotations

from typing import Final

from pylibsrtp import Policy

from sipua.rtp.srtp.keys import (
    AEAD_AES_128_GCM,
    AEAD_AES_256_GCM,
    AES_CM_128_HMAC_SHA1_32,
    AES_CM_128_HMAC_SHA1_80,
    SrtpKeys,
)
from sipua.rtp.srtp.libsrtp import (
    AUTH_FAILED,
    PROTECT,
    PROTECT_CONTROL,
    REPLAYED,
    UNPROTECT,
    UNPROTECT_CONTROL,
    Crypt,
    CryptError,
)

_PROFILES: Final = {
    AES_CM_128_HMAC_SHA1_80: Policy.SRTP_PROFILE_AES128_CM_SHA1_80,
    AES_CM_128_HMAC_SHA1_32: Policy.SRTP_PROFILE_AES128_CM_SHA1_32,
    AEAD_AES_128_GCM: Policy.SRTP_PROFILE_AEAD_AES_128_GCM,
    AEAD_AES_256_GCM: Policy.SRTP_PROFILE_AEAD_AES_256_GCM,
}

MOST_STREAMS: Final = 64
"""SSRCs of the peer with one key: libsrtp keeps the state of each."""

_REASONS: Final = {AUTH_FAILED: "srtp_auth", **dict.fromkeys(REPLAYED, "srtp_replay")}


class RefusedError(Exception):
    """Not a packet of the peer's; `reason` is a word to count it under."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


class Srtp:
    def __init__(self, keys: SrtpKeys) -> None:
        """Raises ValueError for a key that is too short."""
        self._keys = keys
        self._outgoing = _outgoing(keys)
        self._incoming = _incoming(keys)
        self._before: Crypt | None = None
        """With the peer's last key, until a packet with the new one is there."""
        self._heard: set[bytes] = set()
        self._heard_before: set[bytes] = set()
        self._last = b""

    @property
    def suite(self) -> str:
        return self._keys.suite

    def update(self, keys: SrtpKeys) -> None:
        """Take what a new offer and answer say. A direction that keeps its key keeps its state:
        beginning anew would let old packets in once more, and lose count of the wraps.
        """
        old, self._keys = self._keys, keys
        if (keys.suite, keys.send) != (old.suite, old.send):
            self._outgoing = _outgoing(keys)
        if (keys.suite, keys.receive) != (old.suite, old.receive):
            self._before, self._heard_before = self._incoming, self._heard
            self._incoming, self._heard = _incoming(keys), set()
            self._last = b""

    def protect(self, packet: bytes) -> bytes:
        """Raises OSError, as a socket does: the key is used up (after 2^48 packets), or the packet
        is too long.
        """
        try:
            return self._outgoing.run(PROTECT, packet)
        except CryptError as error:
            raise OSError(f"SRTP: {error}") from error

    def protect_control(self, packet: bytes) -> bytes:
        """Raises OSError."""
        try:
            return self._outgoing.run(PROTECT_CONTROL, packet)
        except CryptError as error:
            raise OSError(f"SRTCP: {error}") from error

    def unprotect(self, datagram: bytes) -> bytes:
        """Raises RefusedError."""
        ssrc = datagram[8:12]
        if ssrc != self._last:
            return self._open(datagram, ssrc, control=False)
        try:
            return self._incoming.run(UNPROTECT, datagram)
        except CryptError as error:
            raise _refused(error) from None

    def unprotect_control(self, datagram: bytes) -> bytes:
        """Raises RefusedError."""
        return self._open(datagram, datagram[4:8], control=True)

    def _open(self, datagram: bytes, ssrc: bytes, *, control: bool) -> bytes:
        """From another stream than the packet before, or the first one with a new key."""
        _check_room(ssrc, self._heard)
        operation = UNPROTECT_CONTROL if control else UNPROTECT
        try:
            packet = self._incoming.run(operation, datagram)
        except CryptError as error:
            if self._before is not None:
                return self._open_as_before(self._before, datagram, ssrc, control=control)
            raise _refused(error) from None
        self._heard.add(ssrc)
        self._before = None
        if not control:
            self._last = ssrc
        return packet

    def _open_as_before(
        self, crypt: Crypt, datagram: bytes, ssrc: bytes, *, control: bool
    ) -> bytes:
        """The peer changes its key when our answer has come, so its old one is good until then."""
        _check_room(ssrc, self._heard_before)
        try:
            packet = crypt.run(UNPROTECT_CONTROL if control else UNPROTECT, datagram)
        except CryptError as error:
            raise _refused(error) from None
        self._heard_before.add(ssrc)
        return packet


def _check_room(ssrc: bytes, heard: set[bytes]) -> None:
    if ssrc not in heard and len(heard) >= MOST_STREAMS:
        raise RefusedError("srtp_streams")


def _refused(error: CryptError) -> RefusedError:
    return RefusedError(_REASONS.get(error.code, "srtp_malformed"))


def _outgoing(keys: SrtpKeys) -> Crypt:
    return _crypt(keys.suite, keys.send, Policy.SSRC_ANY_OUTBOUND)


def _incoming(keys: SrtpKeys) -> Crypt:
    return _crypt(keys.suite, keys.receive, Policy.SSRC_ANY_INBOUND)


def _crypt(suite: str, key: bytes, streams: int) -> Crypt:
    return Crypt(Policy(key=key, ssrc_type=streams, srtp_profile=_PROFILES[suite]))
