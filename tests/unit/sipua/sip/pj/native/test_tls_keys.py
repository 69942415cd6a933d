"""S25: which keys a connection of ours gets, by host and address."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import pytest

from sipua.sip.pj.native.tls_keys import OwnKeys
from sipua.sip.wire.tls import TlsKeys

CARRIER = TlsKeys("trunks.carrier.tls_", ("sbc.test", "2001:db8::1"), "c", "k", "ca", True)


@pytest.fixture
def keys() -> OwnKeys:
    own = OwnKeys()
    own.use([(CARRIER, (b"certificate", b"key", b"authorities"))])
    return own


def chosen(keys: OwnKeys, host: str, at: str = "192.0.2.1:5061") -> bytes:
    prm = SimpleNamespace(host=host, address=at, own=False, certificate="", verify=False)
    keys.choose(prm)
    if not prm.own:
        return b""
    assert prm.verify
    assert Path(prm.key).read_bytes() == b"key"
    assert Path(prm.authorities).read_bytes() == b"authorities"
    return Path(prm.certificate).read_bytes()


def test_S25_the_keys_are_those_of_the_host(keys: OwnKeys) -> None:
    assert chosen(keys, "SBC.test") == b"certificate"
    assert chosen(keys, "[2001:db8::1]", "[2001:db8::1]:5061") == b"certificate"
    assert chosen(keys, "other.test") == b""


def test_S25_a_contact_with_the_address_of_the_host_gets_them_too(keys: OwnKeys) -> None:
    assert chosen(keys, "192.0.2.1") == b"", "not known yet"
    chosen(keys, "sbc.test")
    assert chosen(keys, "192.0.2.1") == b"certificate"
    assert chosen(keys, "other.test") == b"", "another peer at the same address"
    keys.use([])
    assert chosen(keys, "192.0.2.1") == b""


def test_S25_of_a_certificate_that_own_authorities_have_signed_only_these_hosts_count(
    keys: OwnKeys,
) -> None:
    """They say nothing about another trunk."""
    chosen(keys, "sbc.test", "192.0.2.1:5061")
    assert keys.only("192.0.2.1:5061") == {"sbc.test", "2001:db8::1"}
    assert keys.only("192.0.2.1:5062") is None
    chosen(keys, "other.test", "192.0.2.1:5061")
    assert keys.only("192.0.2.1:5061") is None, "by the authorities of all"
    chosen(keys, "sbc.test", "192.0.2.1:5061")
    keys.use([])
    chosen(keys, "sbc.test", "192.0.2.1:5061")
    assert keys.only("192.0.2.1:5061") is None


def test_S25_a_connection_that_has_begun_has_its_files_after_any_number_of_renewals(
    keys: OwnKeys,
) -> None:
    prm = SimpleNamespace(host="sbc.test", address="192.0.2.1:5061")
    keys.choose(prm)
    for renewal in range(3):
        keys.use([(CARRIER, (f"renewed {renewal}".encode(), b"key", b"authorities"))])
    assert Path(prm.certificate).read_bytes() == b"certificate"
    assert chosen(keys, "sbc.test") == b"renewed 2"
    keys.close()
    assert not Path(prm.certificate).exists()
