"""Certificates of STIR/SHAKEN, and PASSporTs signed by another library than ours: PyJWT."""

import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import jwt
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

now = time.time
"""When what is signed without another time is signed."""
TN_AUTH_LIST = x509.ObjectIdentifier("1.3.6.1.5.5.7.1.26")
PROVIDER = bytes.fromhex("3008a006160437303942")
"""SEQUENCE { [0] IA5String "709B" }: a code of a provider."""
ORIGID = "123e4567-e89b-12d3-a456-426655440000"
URL = "https://certificates.example.com/signer.pem"
CALLER, CALLED = "12155550100", "12155550199"


def one_number(number: str) -> bytes:
    """A TNAuthList of one number, by hand."""
    text = b"\x16" + bytes([len(number)]) + number.encode()
    entry = b"\xa2" + bytes([len(text)]) + text
    return b"\x30" + bytes([len(entry)]) + entry


def number_range(first: str, count: int) -> bytes:
    value = count.to_bytes(2, "big")
    inner = b"\x16" + bytes([len(first)]) + first.encode() + b"\x02\x02" + value
    sequence = b"\x30" + bytes([len(inner)]) + inner
    entry = b"\xa1" + bytes([len(sequence)]) + sequence
    return b"\x30" + bytes([len(entry)]) + entry


@dataclass(frozen=True)
class Identified:
    """A certificate, with those between it and its authority, and its key."""

    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey
    above: tuple[x509.Certificate, ...] = ()

    @property
    def pem(self) -> bytes:
        every = (self.certificate, *self.above)
        return b"".join(one.public_bytes(serialization.Encoding.PEM) for one in every)

    @property
    def key_pem(self) -> bytes:
        return self.key.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.NoEncryption(),
        )

    def issue(
        self,
        name: str,
        numbers: bytes | None = PROVIDER,
        *,
        ca: bool = False,
        days: tuple[float, float] = (-1, 30),
        curve: ec.EllipticCurve | None = None,
        extensions: tuple[x509.ExtensionType, ...] = (),
        path_length: int | None = None,
    ) -> "Identified":
        return _issued(
            name,
            self,
            numbers,
            ca=ca,
            days=days,
            curve=curve,
            extensions=extensions,
            path_length=path_length,
        )

    def write(self, folder: Path, name: str) -> tuple[Path, Path]:
        """The files of certificate and key."""
        files = folder / f"{name}.pem", folder / f"{name}.key"
        files[0].write_bytes(self.pem)
        files[1].write_bytes(self.key_pem)
        files[1].chmod(0o600)
        return files

    def identity(
        self,
        orig: str | dict[str, Any] = CALLER,
        dest: str | dict[str, Any] = CALLED,
        *,
        url: str = URL,
        ppt: str = "shaken",
        iat: float | None = None,
        header: dict[str, Any] | None = None,
        **claims: Any,
    ) -> str:
        """The value of an Identity header."""
        iat = now() if iat is None else iat
        said = {
            "orig": {"tn": orig} if isinstance(orig, str) else orig,
            "dest": {"tn": [dest]} if isinstance(dest, str) else dest,
            "iat": int(iat),
        }
        if ppt == "shaken":
            said |= {"attest": "A", "origid": ORIGID}
        protected = {"typ": "passport", "x5u": url, **({"ppt": ppt} if ppt else {})}
        token = jwt.encode(said | claims, self.key, "ES256", headers=protected | (header or {}))
        return f"{token};info=<{url}>;alg=ES256" + (f";ppt={ppt}" if ppt else "")


def authority(name: str = "STI Root", days: tuple[float, float] = (-2, 90)) -> Identified:
    return _issued(name, None, None, ca=True, days=days)


def _issued(
    name: str,
    by: Identified | None,
    numbers: bytes | None,
    *,
    ca: bool,
    days: tuple[float, float],
    curve: ec.EllipticCurve | None = None,
    extensions: tuple[x509.ExtensionType, ...] = (),
    path_length: int | None = None,
) -> Identified:
    key = ec.generate_private_key(curve or ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    begin, end = (datetime.now(UTC) + timedelta(days=one) for one in days)
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(by.certificate.subject if by else subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(begin)
        .not_valid_after(end)
        .add_extension(x509.BasicConstraints(ca, path_length), critical=True)
        .add_extension(x509.KeyUsage(not ca, *([False] * 4), ca, ca, *([False] * 2)), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), False)
    )
    if by is not None:
        of = x509.AuthorityKeyIdentifier.from_issuer_public_key(by.key.public_key())
        builder = builder.add_extension(of, critical=False)
    if numbers is not None:
        builder = builder.add_extension(x509.UnrecognizedExtension(TN_AUTH_LIST, numbers), False)
    for extension in extensions:
        builder = builder.add_extension(extension, critical=True)
    certificate = builder.sign(by.key if by else key, hashes.SHA256())
    is_root_above = by is None or by.certificate.issuer == by.certificate.subject
    above = () if by is None or is_root_above else (by.certificate, *by.above)
    return Identified(certificate, key, above)
