"""Our Identity headers: we vouch for the number that we call with (RFC 8224 6.1, RFC 8588), or for
having passed a call on (RFC 8946). No I/O."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from sipua.sip.wire.verdict import Attestation
from sipua.stir.passport import base64url, encoded, payload


def load_key(pem: bytes) -> ec.EllipticCurvePrivateKey:
    """Raises ValueError."""
    try:
        key = load_pem_private_key(pem, None)
    except (TypeError, UnsupportedAlgorithm) as error:  # it has a password, or is of an odd kind
        raise ValueError(str(error)) from None
    if isinstance(key, ec.EllipticCurvePrivateKey) and isinstance(key.curve, ec.SECP256R1):
        return key
    raise ValueError("it is no key on the curve P-256")


@dataclass(frozen=True, slots=True)
class Vouching:
    """The signer: a key, and where its certificate is."""

    key: ec.EllipticCurvePrivateKey
    url: str
    origid: str

    def shaken(self, orig: str, dests: Sequence[str], attest: Attestation, now: int) -> str:
        """The value of an Identity header. `orig`: digits or a URI, as `dests`."""
        claims = payload(orig, dests, now, attest=attest, origid=self.origid)
        return self._identity("shaken", claims)

    def _identity(self, ppt: str, claims: dict[str, Any]) -> str:
        header = {"alg": "ES256", "ppt": ppt, "typ": "passport", "x5u": self.url}
        signed = encoded(header) + b"." + encoded(claims)
        r, s = decode_dss_signature(self.key.sign(signed, ec.ECDSA(hashes.SHA256())))
        signature = base64url(r.to_bytes(32, "big") + s.to_bytes(32, "big")).decode()
        return f"{signed.decode()}.{signature};info=<{self.url}>;alg=ES256;ppt={ppt}"
