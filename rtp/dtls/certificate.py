"""Our certificate for handshakes: self-signed, as its fingerprint in the SDP is what counts."""

from __future__ import annotations

import datetime as dt
import hashlib
import secrets
from typing import Final

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from sipua.rtp.dtls.agreement import Identity

_VALID: Final = dt.timedelta(days=30)
_CLOCKS_DIFFER: Final = dt.timedelta(days=1)


def make_identity(today: dt.datetime) -> Identity:
    """A new one, with a key on the curve P-256; the name in it says nothing of us."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, secrets.token_hex(8))])
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(today - _CLOCKS_DIFFER)
        .not_valid_after(today + _VALID)
        .sign(key, hashes.SHA256())
    )
    encoding, plain = serialization.Encoding.DER, serialization.NoEncryption()
    return Identity(
        certificate.public_bytes(encoding),
        key.private_bytes(encoding, serialization.PrivateFormat.PKCS8, plain),
    )


def fingerprint(identity: Identity) -> str:
    """The value of `a=fingerprint:`."""
    digest = hashlib.sha256(identity.certificate).hexdigest().upper()
    return "sha-256 " + ":".join(digest[at : at + 2] for at in range(0, len(digest), 2))
