"""STIR/SHAKEN: files that cannot be used, and keys that do nothing or miss others."""

from __future__ import annotations

import time
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import urlsplit

from sipua.config.checks.findings import Finding
from sipua.config.sections.config import Config
from sipua.config.sections.trunks import AccountSection, TrunkSection
from sipua.config.values.problems import KeyPath
from sipua.sip.wire import certificate

_AUTHORITIES: KeyPath = ("stir", "authorities")
_SIGN: KeyPath = ("stir", "sign")
_SOON_DAYS = 7.0


def stir(config: Config) -> Iterator[Finding]:
    peers: list[tuple[KeyPath, AccountSection | TrunkSection]] = [
        *((("accounts", index), one) for index, one in enumerate(config.accounts)),
        *((("trunks", index), one) for index, one in enumerate(config.trunks)),
    ]
    verify = [(*path, "stir") for path, one in peers if one.stir != "off"]
    sign = [(*path, "stir_attest") for path, one in peers if one.stir_attest]
    for path, one in peers:
        if "stir_min_attest" in one.model_fields_set and one.stir != "require":
            yield Finding(
                ((*path, "stir_min_attest"), (*path, "stir")),
                "is not used: no call is refused",
                'stir = "require"',
                "warning",
            )
        hidden = isinstance(one, TrunkSection) and one.hide_caller_id and not one.assert_identity
        if one.stir_attest and hidden:
            yield Finding(
                ((*path, "stir_attest"), (*path, "hide_caller_id")),
                "signs nothing: a signature would say the number that is withheld",
                "assert_identity = true, if the trunk may know it",
                "warning",
            )
    if (verify or sign) and find_spec("cryptography") is None:
        for path in (*verify, *sign):
            fix = "pip install 'sipua[stir]'"
            yield Finding((path,), "needs cryptography, which is not installed", fix)
        return
    if verify:
        yield from _authorities(config.stir.authorities, verify[0])
    if sign:
        yield from _signing(config, sign[0])


def _authorities(file: str, wanted: KeyPath) -> Iterator[Finding]:
    from sipua.stir.certificate import Authorities  # noqa: PLC0415 - an extra

    if not file:
        fix = "the file of your country's policy administrator (docs/stir.md)"
        yield Finding((_AUTHORITIES, wanted), "is missing: no signer would be believed", fix)
        return
    try:
        Authorities(Path(file).expanduser().read_bytes())
    except OSError as error:
        words = f"{file} cannot be read: {error.strerror}"
        yield Finding((_AUTHORITIES,), words, "a file of certificates (PEM)")
    except ValueError:
        words = f"{file} has no certificates that can be read"
        yield Finding((_AUTHORITIES,), words, "a file of certificates (PEM)")


def _signing(config: Config, wanted: KeyPath) -> Iterator[Finding]:
    from sipua.stir.sign import load_key  # noqa: PLC0415 - an extra

    keys = config.stir.sign
    url = urlsplit(keys.certificate_url)
    if url.scheme != "https" or not url.hostname:
        yield Finding(
            ((*_SIGN, "certificate_url"), wanted),
            "is no https URL, and the others would not find our certificate",
            '"https://certificates.example.com/stir.pem"',
        )
    if not keys.key:
        yield Finding(((*_SIGN, "key"), wanted), "is missing", "the file of our key (PEM)")
        return
    try:
        load_key(Path(keys.key).expanduser().read_bytes())
    except OSError as error:
        words = f"{keys.key} cannot be read: {error.strerror}"
        yield Finding(((*_SIGN, "key"),), words, "the file of our key (PEM)")
        return
    except ValueError:
        yield Finding(
            ((*_SIGN, "key"),),
            f"{keys.key} is no key on the curve P-256 without a password",
            "openssl ecparam -name prime256v1 -genkey -noout -out stir-key.pem",
        )
        return
    yield from _certificate(keys.certificate, keys.key)


def _certificate(file: str, key: str) -> Iterator[Finding]:
    if not file:
        return
    now = time.time()
    try:
        found = certificate.check(file, key, "", now)
    except certificate.CertificateError as error:
        yield Finding(((*_SIGN, error.key),), error.what, error.fix)
        return
    if found is not None and found.days_left(now) < _SOON_DAYS:
        ends = certificate.shown(found.ends_at)
        path: KeyPath = (*_SIGN, "certificate")
        yield Finding((path,), f"expires on {ends}", "renew it, then `sipua reload`", "warning")
