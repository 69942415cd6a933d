"""Certificates for TLS, as far as we have to read them: names, and the time for which they hold.

OpenSSL does all that needs keys. Its module in Python does not show a certificate of our own, so
the few fields are read from its DER form (RFC 5280 4.1) here.
"""

from __future__ import annotations

import binascii
import ipaddress
import ssl
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

DAY_S: Final = 86_400.0
LARGEST_BYTES: Final = 4_000_000
"""Of one file: the bundle of a system has 200 KB."""
_BUNDLES: Final = (
    "/etc/ssl/certs/ca-certificates.crt",
    "/etc/pki/tls/certs/ca-bundle.crt",
    "/etc/ssl/cert.pem",
)
_WARN_AT_DAYS: Final = (0, 1, 7, 30)
_OCTETS, _UTC_TIME, _TIME, _EXTENSIONS = 0x04, 0x17, 0x18, 0xA3
_ALTERNATIVE_NAMES: Final = bytes((0x06, 0x03, 0x55, 0x1D, 0x11))
_DNS_NAME, _URI, _ADDRESS = 0x82, 0x86, 0x87
_BEGIN: Final = "-----BEGIN CERTIFICATE-----"
_END: Final = "-----END CERTIFICATE-----"


class CertificateError(ValueError):
    """A file that cannot be used, and what to do about it."""

    def __init__(self, key: str, what: str, fix: str) -> None:
        """`key`: of the three files: `certificate`, `key` or `ca_file`."""
        super().__init__(what)
        self.key, self.what, self.fix = key, what, fix


@dataclass(frozen=True, slots=True)
class Certificate:
    names: tuple[str, ...]
    """Hosts and addresses that it is for."""
    begins_at: float
    ends_at: float
    """In Unix time."""

    def days_left(self, now: float) -> float:
        return (self.ends_at - now) / DAY_S


def check(certificate: str, key: str, ca_file: str, now: float) -> Certificate | None:
    """Read the files as an edge would; None: there is no certificate. Raises CertificateError for
    the first thing that is wrong with them."""
    if ca_file:
        _check_authorities(ca_file)
    if not certificate:
        return None
    found = parse(_read("certificate", certificate))
    _read("key", key)
    _check_pair(certificate, key)
    if found.ends_at <= now:
        raise CertificateError(
            "certificate",
            f"has expired, on {shown(found.ends_at)}: no peer would accept it",
            "renew it",
        )
    if found.begins_at > now:
        raise CertificateError(
            "certificate",
            f"is not valid before {shown(found.begins_at)}",
            "wait, or correct the clock of this machine",
        )
    return found


def parse(pem: bytes) -> Certificate:
    """The first certificate of a file in PEM. Raises CertificateError."""
    text = pem.decode("ascii", "replace")
    begin = text.find(_BEGIN)
    end = text.find(_END, begin)
    if begin < 0 or end < 0:
        raise CertificateError(
            "certificate",
            "is not a certificate in PEM (-----BEGIN CERTIFICATE-----)",
            "openssl x509 -inform DER -in FILE -out FILE.pem, for a file in DER",
        )
    try:
        return _parse(ssl.PEM_cert_to_DER_cert(text[begin : end + len(_END)]))
    except (ValueError, IndexError, binascii.Error):
        raise CertificateError(
            "certificate", "has a certificate that cannot be read", "get it anew"
        ) from None


def authorities_of_the_system() -> str:
    """The file with them; empty: there is none. A Python that was built for another system looks
    where this one has nothing."""
    known = (ssl.get_default_verify_paths().cafile or "", *_BUNDLES)
    return next((file for file in known if file and Path(file).is_file()), "")


def warning_step(days_left: float) -> int | None:
    """Which warning is due; each is told once. None: there is time enough."""
    return next((step for step in _WARN_AT_DAYS if days_left < step), None)


def shown(at: float) -> str:
    return datetime.fromtimestamp(at, UTC).strftime("%Y-%m-%d %H:%M UTC")


def _read(key: str, file: str) -> bytes:
    try:
        with Path(file).expanduser().open("rb") as opened:
            return opened.read(LARGEST_BYTES)
    except OSError as error:
        raise CertificateError(
            key,
            f"cannot be read: {(error.strerror or 'no such file').lower()}",
            "correct the path, or let the user of the edge read the file",
        ) from None


def _check_pair(certificate: str, key: str) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    files = (Path(certificate).expanduser(), Path(key).expanduser())
    try:
        context.load_cert_chain(*files, password=lambda: "")
    except ssl.SSLError as error:
        if error.reason == "KEY_VALUES_MISMATCH":
            what = "does not belong to the certificate"
            fix = "name the key that the certificate was made for"
        elif b"ENCRYPTED" in _read("key", key):
            what = "is encrypted, and an edge that starts has nobody to ask for its password"
            fix = "openssl pkey -in FILE -out FILE.plain, with mode 0600"
        else:
            what = f"cannot be used: {error.reason or error}"
            fix = "a private key in PEM (-----BEGIN PRIVATE KEY-----), and the chain that it is for"
        raise CertificateError("key", what, fix) from None


def _check_authorities(file: str) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    text = _read("ca_file", file).decode("ascii", "replace")
    try:
        context.load_verify_locations(cadata=text)
    except (ssl.SSLError, ValueError):
        raise CertificateError(
            "ca_file", "has no certificates in PEM", "the file of the authority, in PEM"
        ) from None


# --- DER ------------------------------------------------------------------------------------


def _parse(der: bytes) -> Certificate:
    """Raises ValueError or IndexError for what is none."""
    (_, inside), *_ = _parts(der)
    (_, body), *_ = _parts(inside)
    fields = [part for part in _parts(body) if part[0] != 0xA0]  # without the version
    begins_at, ends_at = (_time(*part) for part in _parts(fields[3][1]))
    extensions = next((value for tag, value in fields if tag == _EXTENSIONS), b"")
    return Certificate(tuple(_names(extensions)), begins_at, ends_at)


def _parts(data: bytes) -> Iterator[tuple[int, bytes]]:
    at = 0
    while at < len(data):
        tag, length, at = data[at], data[at + 1], at + 2
        if length & 0x80:
            size = length & 0x7F
            length, at = int.from_bytes(data[at : at + size]), at + size
        if at + length > len(data):
            raise ValueError("a length leads out of the data")
        yield tag, data[at : at + length]
        at += length


def _time(tag: int, value: bytes) -> float:
    """RFC 5280 4.1.2.5: in UTC, with seconds; two digits of a year are of 1950 to 2049."""
    text = value.decode("ascii")
    if tag == _UTC_TIME:
        text = ("19" if text[:2] >= "50" else "20") + text
    elif tag != _TIME:
        raise ValueError("no time")
    return datetime.strptime(text, "%Y%m%d%H%M%SZ").replace(tzinfo=UTC).timestamp()


def _names(extensions: bytes) -> Iterator[str]:
    for _, every in _parts(extensions):
        for _, one in _parts(every):
            if not one.startswith(_ALTERNATIVE_NAMES):
                continue
            held = next((value for tag, value in _parts(one) if tag == _OCTETS), b"")
            for _, names in _parts(held):
                yield from _name_texts(_parts(names))


def _name_texts(names: Iterable[tuple[int, bytes]]) -> Iterator[str]:
    for tag, value in names:
        if tag in (_DNS_NAME, _URI):
            yield value.decode("ascii", "replace").lower()
        elif tag == _ADDRESS:
            yield str(ipaddress.ip_address(value))
