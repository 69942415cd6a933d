from __future__ import annotations

import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sipua.rtp.hostport import bracketed, is_address, is_loopback, join, split


@pytest.mark.parametrize(
    ("text", "host", "port"),
    [
        ("192.0.2.1:5060", "192.0.2.1", 5060),
        ("192.0.2.1", "192.0.2.1", None),
        ("pbx.example.com:5070", "pbx.example.com", 5070),
        ("pbx", "pbx", None),
        ("[2001:db8::1]:5060", "2001:db8::1", 5060),
        ("[2001:db8::1]", "2001:db8::1", None),
        ("[2001:DB8:0:0::1]:5060", "2001:db8::1", 5060),
        ("2001:DB8:0:0::1", "2001:db8::1", None),
        ("2001:db8::1", "2001:db8::1", None),
        ("::", "::", None),
        ("[::ffff:192.0.2.1]:5060", "::ffff:192.0.2.1", 5060),
        ("[fe80::1%eth0]:5060", "fe80::1%eth0", 5060),
        ("host:0", "host", 0),
        ("host:65535", "host", 65535),
    ],
)
def test_a_host_and_its_port(text: str, host: str, port: int | None) -> None:
    assert split(text) == (host, port)


@pytest.mark.parametrize(
    "text",
    [
        *("", ":5060", "[]", "[]:5060", "[::1", "::1]", "[::1]5060", "[::1]:", "[::1]:x"),
        *("[pbx]:5060", "[192.0.2.1]:5060", "a:b:5060", "192.0.2.1:5060:1", "[[::1]]:5060"),
        *("host:", "host:65536", "host:-1", "host:+1", "host: 1", "host:٣", "host:" + "9" * 5000),
    ],
)
def test_what_is_neither_is_an_error_of_ours(text: str) -> None:
    with pytest.raises(ValueError, match=r"."):
        split(text)


def test_an_ipv6_address_is_written_in_brackets() -> None:
    assert join("2001:db8::1", 5060) == "[2001:db8::1]:5060"
    assert join("192.0.2.1", 5060) == "192.0.2.1:5060"
    assert bracketed("2001:db8::1") == "[2001:db8::1]"
    assert bracketed("pbx.example") == "pbx.example"


@given(st.ip_addresses().map(str), st.integers(0, 65535))
def test_what_was_written_is_read_again(host: str, port: int) -> None:
    for read, written_port in ((split(join(host, port)), port), (split(bracketed(host)), None)):
        assert ipaddress.ip_address(read[0]) == ipaddress.ip_address(host)
        assert read[1] == written_port


@given(st.text(alphabet="[]:%.0123456789abz", max_size=30))
def test_any_text_is_read_or_refused(text: str) -> None:
    try:
        host, port = split(text)
    except ValueError:
        return
    assert host
    assert port is None or 0 <= port < 65536


def test_addresses_are_no_names_and_have_no_zone() -> None:
    assert all(map(is_address, ["192.0.2.1", "2001:db8::1", "::"]))
    assert not any(map(is_address, ["", "pbx", "192.0.2", "[::1]", "2001:db8::1%eth0"]))


def test_this_machine_has_a_net_an_address_and_a_name() -> None:
    assert all(map(is_loopback, ["127.0.0.1", "127.0.0.9", "::1", "localhost", "LocalHost."]))
    assert not any(map(is_loopback, ["", "192.0.2.1", "0.0.0.0", "::", "localhost.example"]))
