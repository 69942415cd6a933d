"""Certificates of signers: their chain up to an authority that we trust (RFC 8226, RFC 5280 6).

A public library builds paths for names of hosts, which these certificates do not have; a path here
is short, and each of its steps is checked alike: who has signed, when it is valid, what it may do.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Final, TypeVar

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import encode_dss_signature
from cryptography.x509.oid import ExtensionOID

from sipua.stir import tn_list
from sipua.stir.faults import INVALID_IDENTITY, UNSUPPORTED_CREDENTIAL, IdentityError
from sipua.stir.tn_list import TnList

MOST_CERTIFICATES: Final = 6
"""In one file of a signer."""
_MOST_AUTHORITIES: Final = 1000
_LONGEST_PATH: Final = 5
_UNDERSTOOD: Final = frozenset(
    (
        ExtensionOID.BASIC_CONSTRAINTS,
        ExtensionOID.KEY_USAGE,
        ExtensionOID.CERTIFICATE_POLICIES,
        ExtensionOID.SUBJECT_KEY_IDENTIFIER,
        ExtensionOID.AUTHORITY_KEY_IDENTIFIER,
        ExtensionOID.CRL_DISTRIBUTION_POINTS,
        x509.ObjectIdentifier(tn_list.OID),
    )
)
_UNREADABLE: Final = (ValueError, TypeError, UnsupportedAlgorithm, x509.DuplicateExtension)


@dataclass(frozen=True, slots=True)
class Signer:
    """A certificate whose chain is trusted, from `since` to `until`."""

    key: ec.EllipticCurvePublicKey
    numbers: TnList | None
    """None: its certificate has no TNAuthList."""
    since: float
    until: float
    """The wall clock; of the whole chain."""

    def verify(self, signed: bytes, signature: bytes) -> None:
        """Raises IdentityError."""
        half = len(signature) // 2
        if len(signature) != 64:
            raise IdentityError(INVALID_IDENTITY, "its signature is not one of ES256")
        r, s = (int.from_bytes(part, "big") for part in (signature[:half], signature[half:]))
        try:
            self.key.verify(encode_dss_signature(r, s), signed, ec.ECDSA(hashes.SHA256()))
        except InvalidSignature:
            raise IdentityError(
                INVALID_IDENTITY, "its signature is not that of its certificate"
            ) from None

    def check_time(self, now: float) -> None:
        """Raises IdentityError."""
        if not self.since <= now <= self.until:
            raise _unsupported("its certificate has expired, or is not valid yet")


class Authorities:
    """The authorities that are trusted: the list of the STI-PA, or those of a test."""

    def __init__(self, pem: bytes) -> None:
        """Raises ValueError."""
        found = x509.load_pem_x509_certificates(pem)
        if len(found) > _MOST_AUTHORITIES:
            raise ValueError(f"it has more than {_MOST_AUTHORITIES} certificates")
        self._by_subject: dict[bytes, list[x509.Certificate]] = {}
        for one in found:
            self._by_subject.setdefault(one.subject.public_bytes(), []).append(one)

    def signer(self, pem: bytes, now: float) -> Signer:
        """`pem`: a signer's certificate, and those between it and an authority. Raises
        IdentityError."""
        try:
            chain = x509.load_pem_x509_certificates(pem)
        except _UNREADABLE:
            raise _unsupported("its certificate cannot be read") from None
        if len(chain) > MOST_CERTIFICATES:
            raise _unsupported(f"there are more than {MOST_CERTIFICATES} certificates at its URL")
        try:
            return self._signer(chain, datetime.fromtimestamp(now, UTC))
        except _UNREADABLE:
            raise _unsupported("its certificate has fields that cannot be read") from None

    def _signer(self, chain: Sequence[x509.Certificate], now: datetime) -> Signer:
        leaf, *between = chain
        key = leaf.public_key()
        if not isinstance(key, ec.EllipticCurvePublicKey) or not isinstance(
            key.curve, ec.SECP256R1
        ):
            raise _unsupported("its certificate has no key on the curve P-256")
        _check_extensions(leaf)
        usage = _extension(leaf, x509.KeyUsage)
        if usage is not None and not usage.digital_signature:
            raise _unsupported("its certificate may not sign")
        path = self._path(leaf, between, now)
        return Signer(
            key,
            _numbers(leaf),
            max(one.not_valid_before_utc.timestamp() for one in path),
            min(one.not_valid_after_utc.timestamp() for one in path),
        )

    def _path(
        self, leaf: x509.Certificate, between: list[x509.Certificate], now: datetime
    ) -> list[x509.Certificate]:
        path = [leaf]
        while len(path) <= _LONGEST_PATH:
            last = path[-1]
            if not last.not_valid_before_utc <= now <= last.not_valid_after_utc:
                raise _unsupported("a certificate of its chain has expired, or is not valid yet")
            trusted = self._by_subject.get(last.issuer.public_bytes(), ())
            if root := _issuer(last, trusted, len(path)):
                if not root.not_valid_before_utc <= now <= root.not_valid_after_utc:
                    raise _unsupported("the authority of its certificate has expired")
                return [*path, root]
            following = _issuer(last, (one for one in between if one not in path), len(path))
            if following is None:
                break
            path.append(following)
        raise _unsupported("its certificate is of no authority that is trusted")


def _issuer(
    of: x509.Certificate, among: Iterable[x509.Certificate], below: int
) -> x509.Certificate | None:
    """The one that has signed it, and may. `below`: certificates on the path under the issuer."""
    for one in among:
        if one.subject != of.issuer or not _may_issue(one, below):
            continue
        try:
            of.verify_directly_issued_by(one)
        except (InvalidSignature, *_UNREADABLE):
            continue
        return one
    return None


def _may_issue(one: x509.Certificate, below: int) -> bool:
    """Of `below` certificates one is the signer's own, which no length of a path counts."""
    _check_extensions(one)
    constraints, usage = _extension(one, x509.BasicConstraints), _extension(one, x509.KeyUsage)
    if constraints is None or not constraints.ca:
        return False
    long = constraints.path_length is not None and below - 1 > constraints.path_length
    return not long and (usage is None or usage.key_cert_sign)


def _check_extensions(one: x509.Certificate) -> None:
    for extension in one.extensions:
        if extension.critical and extension.oid not in _UNDERSTOOD:
            raise _unsupported("a certificate of its chain has a critical extension: unknown")


_Extension = TypeVar("_Extension", bound=x509.ExtensionType)


def _extension(one: x509.Certificate, kind: type[_Extension]) -> _Extension | None:
    try:
        return one.extensions.get_extension_for_class(kind).value
    except x509.ExtensionNotFound:
        return None


def _numbers(leaf: x509.Certificate) -> TnList | None:
    try:
        found = leaf.extensions.get_extension_for_oid(x509.ObjectIdentifier(tn_list.OID)).value
    except x509.ExtensionNotFound:
        return None
    if not isinstance(found, x509.UnrecognizedExtension):
        raise _unsupported("its certificate has a TNAuthList that cannot be read")
    try:
        return tn_list.read(found.value)
    except tn_list.TnListError as error:
        raise _unsupported(f"its certificate has a TNAuthList that {error}") from None


def _unsupported(cause: str) -> IdentityError:
    return IdentityError(UNSUPPORTED_CREDENTIAL, cause)
