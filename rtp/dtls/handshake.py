"""One handshake with one peer: datagrams in, datagrams and keys out.

OpenSSL (pyOpenSSL, the extra `dtls`) reads no socket here. It has a clock of its own for what it
sends again: `poll` asks it whether something is due.

    waiting for datagrams ─▶ the certificate is that of the SDP ─▶ keys: `ours`, `theirs`
                        └──▶ HandshakeError, and this one is over
"""

from __future__ import annotations

import functools
import hashlib
import hmac
from collections.abc import Sequence
from typing import Any, Final

from cryptography import x509
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePrivateKey
from OpenSSL import SSL

from sipua.rtp.dtls.agreement import DtlsAgreement, Fingerprint, Identity
from sipua.rtp.srtp.keys import (
    AEAD_AES_128_GCM,
    AEAD_AES_256_GCM,
    AES_CM_128_HMAC_SHA1_32,
    AES_CM_128_HMAC_SHA1_80,
    SUITES,
    SrtpKeys,
)

PROFILES: Final = {
    "SRTP_AEAD_AES_128_GCM": AEAD_AES_128_GCM,
    "SRTP_AEAD_AES_256_GCM": AEAD_AES_256_GCM,
    "SRTP_AES128_CM_SHA1_80": AES_CM_128_HMAC_SHA1_80,
    "SRTP_AES128_CM_SHA1_32": AES_CM_128_HMAC_SHA1_32,
}
"""OpenSSL's names of RFC 5764 and RFC 7714, in our order: what is cheaper comes first."""

_DTLS_1_2: Final = 0xFEFD
_CIPHERS: Final = b"ECDHE+AESGCM:ECDHE+CHACHA20:ECDHE+AES"
_MTU: Final = 1200
"""Of a datagram of ours: it passes a tunnel and IPv6 uncut."""
_HEADER: Final = 13
"""Of a record; its last two bytes are the length of what follows (RFC 6347 4.1)."""
_LONGEST: Final = 2048
_MOST_RECORDS: Final = 64
"""Of a datagram: more with something in them are not in one of that length."""
_HELLO_BYTES: Final = 59
"""Of a ClientHello, with the headers before it, up to its random bytes' end."""


def client_random(datagram: bytes) -> bytes:
    """Of a message that begins a handshake (RFC 6347 4.2), which is the same when it is sent again;
    empty: the datagram is none, or not the beginning of one.
    """
    begins = len(datagram) >= _HELLO_BYTES and datagram[0] == 22 and datagram[3:5] == b"\0\0"
    if begins and datagram[13] == 1 and datagram[19:22] == b"\0\0\0":
        return datagram[27:59]
    return b""


class HandshakeError(Exception):
    """It has failed; `reason` is a word to count it under, the text is for people."""

    def __init__(self, reason: str, text: str) -> None:
        super().__init__(text)
        self.reason = reason


class Handshake:
    def __init__(self, agreement: DtlsAgreement, random: bytes = b"") -> None:
        """`random`: of the peer's first message, where it begins."""
        self.random = random
        self._agreement = agreement
        self._connection = connection = SSL.Connection(_context(agreement.identity), None)
        connection.set_ciphertext_mtu(_MTU)
        must = SSL.VERIFY_PEER | SSL.VERIFY_FAIL_IF_NO_PEER_CERT
        self._shown: list[bytes] = []
        """The peer's certificate. The callback knows it and not us: a circle would stay."""
        connection.set_verify(must, functools.partial(_verify, agreement.fingerprints, self._shown))
        if agreement.active:
            connection.set_connect_state()
        else:
            connection.set_accept_state()
        self.keys: SrtpKeys | None = None
        """None: there are none yet."""
        self._over = False
        """OpenSSL reads nothing more: what it were given would only pile up."""

    def begin(self) -> list[bytes]:
        """What is to be sent: of the side that begins."""
        return self._go_on() if self._agreement.active else []

    def receive(self, datagram: bytes) -> list[bytes]:
        """What is to be sent. Raises HandshakeError."""
        if self._over:
            return []
        if datagram:
            self._connection.bio_write(datagram)
        return self._go_on()

    def poll(self) -> list[bytes]:
        """What is to be sent again, if it is time. Raises HandshakeError."""
        try:
            self._connection.DTLSv1_handle_timeout()
        except SSL.Error as error:
            raise HandshakeError("dtls_timeout", "the peer does not answer") from error
        return self._outgoing()

    def _go_on(self) -> list[bytes]:
        connection = self._connection
        try:
            if self.keys is None:
                connection.do_handshake()
                self.keys = self._agreed()
            # The peer may not have our last datagrams, and asks for them by its own.
            for _ in range(_MOST_RECORDS):
                connection.recv(_LONGEST)
        except SSL.WantReadError:
            pass
        except SSL.ZeroReturnError:
            self._over = True  # it says goodbye; the call ends by signalling
        except HandshakeError:
            raise
        except Exception as error:
            if self.keys is None:
                raise self._failure(error) from error
            self._over = True
        return self._outgoing()

    def _agreed(self) -> SrtpKeys:
        """RFC 5764 4.2. The certificate was looked at already; a session that is resumed would show
        none."""
        if not self._shown or not _is_the_peers(self._shown[-1], self._agreement.fingerprints):
            raise HandshakeError("dtls_fingerprint", _FOREIGN)
        profile = self._connection.get_selected_srtp_profile().decode()
        suite = SUITES.get(PROFILES.get(profile, ""))
        if suite is None:
            raise HandshakeError("dtls_no_srtp", "the peer has no SRTP in its handshake")
        key, salt = suite.key_bytes, suite.salt_bytes
        made = self._connection.export_keying_material(
            b"EXTRACTOR-dtls_srtp", 2 * suite.material_bytes
        )
        client = made[:key] + made[2 * key : 2 * key + salt]
        server = made[key : 2 * key] + made[2 * key + salt :]
        ours, theirs = (client, server) if self._agreement.active else (server, client)
        return SrtpKeys(suite.name, ours, theirs)

    def _failure(self, error: Exception) -> HandshakeError:
        if isinstance(error, HandshakeError):
            return error
        if self._shown and not _is_the_peers(self._shown[-1], self._agreement.fingerprints):
            return HandshakeError("dtls_fingerprint", _FOREIGN)
        queue = error.args[0] if error.args and isinstance(error.args[0], list) else []
        words = "; ".join(str(entry[-1])[:80] for entry in queue[:3])
        return HandshakeError("dtls_failed", words or type(error).__name__)

    def _outgoing(self) -> list[bytes]:
        """OpenSSL puts records in a row; as many of them as fit go into one datagram."""
        try:
            data = self._connection.bio_read(1 << 16)
        except SSL.WantReadError:
            return []
        datagrams: list[bytes] = []
        begin = at = 0
        while at + _HEADER <= len(data):
            end = at + _HEADER + int.from_bytes(data[at + 11 : at + 13])
            if end - begin > _MTU and at > begin:
                datagrams.append(data[begin:at])
                begin = at
            at = end
        return [*datagrams, data[begin:]]


def _verify(
    fingerprints: Sequence[Fingerprint],
    shown: list[bytes],
    _connection: Any,
    certificate: Any,
    _error: int,
    depth: int,
    _ok: int,
) -> bool:
    """In place of a CA's word: signalling has told us which certificate it is."""
    if depth:
        return True
    shown.append(certificate.to_cryptography().public_bytes(serialization.Encoding.DER))
    return _is_the_peers(shown[-1], fingerprints)


def _is_the_peers(certificate: bytes, fingerprints: Sequence[Fingerprint]) -> bool:
    return any(
        hmac.compare_digest(hashlib.new(one.hash, certificate).digest(), one.digest)
        for one in fingerprints
    )


_FOREIGN: Final = "the certificate of the peer is not the one of its SDP"


@functools.lru_cache(maxsize=4)
def _context(identity: Identity) -> SSL.Context:
    context = SSL.Context(SSL.DTLS_METHOD)
    context.set_min_proto_version(_DTLS_1_2)
    context.set_options(SSL.OP_NO_QUERY_MTU | SSL.OP_NO_TICKET | SSL.OP_NO_RENEGOTIATION)
    context.set_session_cache_mode(SSL.SESS_CACHE_OFF)
    context.set_cipher_list(_CIPHERS)
    context.set_tlsext_use_srtp(":".join(PROFILES).encode())
    context.use_certificate(x509.load_der_x509_certificate(identity.certificate))
    key = serialization.load_der_private_key(identity.key, None)
    assert isinstance(key, EllipticCurvePrivateKey), "it is our own"
    context.use_privatekey(key)
    return context
