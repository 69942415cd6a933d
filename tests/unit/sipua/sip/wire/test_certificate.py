"""What is read of certificates, and what is said of files that cannot be used."""

import base64
import contextlib
import subprocess
import time
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sipua.sip.wire import certificate
from sipua.sip.wire.certificate import CertificateError, warning_step
from support.certificates import Authority, Issued

NOW = time.time()


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("certificates") / "ca")


@pytest.fixture(scope="module")
def good(authority: Authority) -> Issued:
    return authority.issue("edge.test", "DNS:Edge.test", "IP:127.0.0.1", "IP:::1", "URI:sip:a.test")


def check(one: Issued, *, key: Path | None = None, ca_file: str = "") -> CertificateError:
    with pytest.raises(CertificateError) as caught:
        certificate.check(str(one.certificate), str(key or one.key), ca_file, NOW)
    return caught.value


def test_a_good_one_is_read(authority: Authority, good: Issued) -> None:
    found = certificate.check(str(good.certificate), str(good.key), str(authority.file), NOW)
    assert found is not None
    assert found.names == ("edge.test", "127.0.0.1", "::1", "sip:a.test")
    assert found.days_left(NOW) == pytest.approx(60, abs=0.1)
    assert found.begins_at == pytest.approx(NOW - 86_400, abs=3600)
    assert certificate.check("", "", str(authority.file), NOW) is None


def test_S25_what_cannot_be_used_names_its_key_and_a_fix(
    authority: Authority, good: Issued, tmp_path: Path
) -> None:
    expired = authority.issue("expired.test", days=(-10, -1))
    error = check(expired)
    assert (error.key, "has expired" in error.what) == ("certificate", True)

    error = check(authority.issue("early.test", days=(2, 10)))
    assert "not valid before" in error.what

    error = check(good, key=expired.key)
    assert (error.key, error.what) == ("key", "does not belong to the certificate")

    error = check(good, key=tmp_path / "none.key")
    assert (error.key, "no such file" in error.what) == ("key", True)

    error = check(Issued(good.key, good.key))
    assert (error.key, "is not a certificate in PEM" in error.what) == ("certificate", True)

    error = check(good, key=good.certificate)
    assert error.key == "key"

    error = check(good, ca_file=str(good.key))
    assert error.key == "ca_file"


def test_S25_an_encrypted_key_is_not_asked_for_its_password(good: Issued, tmp_path: Path) -> None:
    encrypted = tmp_path / "encrypted.key"
    command = ["openssl", "pkey", "-in", good.key, "-aes256", "-passout", "pass:one"]
    subprocess.run([*command, "-out", encrypted], check=True, capture_output=True)
    error = check(good, key=encrypted)
    assert "is encrypted" in error.what


def test_years_have_two_digits_until_2049() -> None:
    read = certificate._time
    assert datetime.fromtimestamp(read(0x17, b"491231235959Z"), UTC).year == 2049
    assert datetime.fromtimestamp(read(0x17, b"500101000000Z"), UTC).year == 1950
    assert datetime.fromtimestamp(read(0x18, b"20500101000000Z"), UTC).year == 2050


@given(cut=st.integers(0, 600), byte=st.integers(0, 255), at=st.integers(0, 600))
def test_a_damaged_one_is_refused_or_read(good: Issued, cut: int, byte: int, at: int) -> None:
    text = good.certificate.read_text()
    der = bytearray(base64.b64decode("".join(text.splitlines()[1:-1])))
    if at < len(der):
        der[at] = byte
    der = der[:cut] if cut < len(der) else der
    body = base64.b64encode(bytes(der)).decode()
    pem = f"-----BEGIN CERTIFICATE-----\n{body}\n-----END CERTIFICATE-----\n"
    with contextlib.suppress(CertificateError):
        certificate.parse(pem.encode())


def test_warnings_come_30_7_and_1_day_before() -> None:
    days = (31.0, 29.9, 8.0, 6.9, 1.1, 0.9, 0.0, -1.0)
    assert [warning_step(one) for one in days] == [None, 30, 30, 7, 7, 1, 1, 0]
