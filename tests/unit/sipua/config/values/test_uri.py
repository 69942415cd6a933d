from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sipua.config.values.uri import ServerUri, UriError, is_hostname, parse_server


@pytest.mark.parametrize(
    ("text", "uri"),
    [
        ("sip:10.0.0.5", ServerUri("10.0.0.5", 5060, "udp", has_port=False)),
        ("sip:pbx.example.com:5070;transport=tcp", ServerUri("pbx.example.com", 5070, "tcp")),
        ("sip:[2001:DB8:0::1]:5070;transport=tcp", ServerUri("2001:db8::1", 5070, "tcp")),
        ("sip:[::1]", ServerUri("::1", 5060, "udp", has_port=False)),
        ("SIP:pbx;lr;transport=UDP", ServerUri("pbx", 5060, "udp", has_port=False)),
        ("sip:pbx;transport=TLS", ServerUri("pbx", 5061, "tls", has_port=False)),
        ("sip:pbx:5070;transport=tls", ServerUri("pbx", 5070, "tls")),
        ("sips:pbx", ServerUri("pbx", 5061, "tls", has_port=False)),
        ("sips:[::1];transport=tcp", ServerUri("::1", 5061, "tls", has_port=False)),
    ],
)
def test_good(text: str, uri: ServerUri) -> None:
    assert parse_server(text) == uri


@pytest.mark.parametrize(
    ("text", "what", "fix"),
    [
        ("pbx.example.com", "starts with sip:", '"sip:pbx.example.com"'),
        ("10.0.0.5:5060", "starts with sip:", '"sip:10.0.0.5:5060"'),
        ("", "starts with sip:", "sip:host:port"),
        ("http://pbx", "starts with sip:", "sip:host:port"),
        ("sips:pbx;transport=udp", "has no UDP", '"sips:pbx"'),
        ("tel:+4930123", "names a number", "sip:host:port"),
        ("sip:100@pbx", "names a server", '"sip:pbx"'),
        ("sip://pbx", "no slashes", '"sip:pbx"'),
        ("sip:2001:db8::1", "in brackets", '"sip:[2001:db8::1]"'),
        ("sip:[fe80::1]:5060", "link-local", "its name"),
        ("sip:[2001:db8::1", "bracket", "sip:host:port"),
        ("sip:", "has no host", "sip:host:port"),
        ("sip:10.0.0.256", "neither an IP address", "sip:host:port"),
        ("sip:pbx:99999", "not a port", "sip:host:port"),
        ("sip:pbx:0", "not a port", "sip:host:port"),
        ("sip:pbx:", "not a port", "sip:host:port"),
        ("sip:pbx;transport=wss", "'wss' is not supported", ";transport=tls"),
        ("sip:pbx;maddr=1.2.3.4", "'maddr' is not known", "sip:host:port"),
    ],
)
def test_bad(text: str, what: str, fix: str) -> None:
    with pytest.raises(UriError) as caught:
        parse_server(text)
    assert what in caught.value.what
    assert fix in caught.value.fix


def test_loopback_and_addresses() -> None:
    assert parse_server("sip:127.0.0.9").is_loopback
    assert parse_server("sip:localhost").is_loopback
    assert not parse_server("sip:pbx").is_loopback
    assert parse_server("sip:10.0.0.5").is_address
    assert not parse_server("sip:pbx").is_address
    assert parse_server("sip:[::1]").is_loopback
    assert parse_server("sip:[2001:db8::1]").is_address


@pytest.mark.parametrize(
    ("uri", "host", "may"),
    [
        ("sip:192.0.2.1", "0.0.0.0", True),
        ("sip:192.0.2.1", "::", False),
        ("sip:[2001:db8::1]", "::", True),
        ("sip:[2001:db8::1]", "0.0.0.0", False),
        ("sip:pbx", "0.0.0.0", True),
        ("sip:pbx", "::", True),
    ],
)
def test_a_server_is_reached_from_an_address_of_its_family(uri: str, host: str, may: bool) -> None:
    assert parse_server(uri).may_be_reached_from(host) is may


def test_hostnames() -> None:
    assert is_hostname("a-b.example.com.")
    assert not any(map(is_hostname, ["", "-a", "a..b", "a b", "10.0.0", "ä", "a" * 64, "a_b"]))


@given(st.text())
def test_anything_is_a_uri_or_an_error_of_ours(text: str) -> None:
    try:
        uri = parse_server(text)
    except UriError:
        return
    assert 0 < uri.port < 65536
