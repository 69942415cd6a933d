import socket

import pytest

from sipua.sip.wire.addresses import (
    address,
    at_server,
    facing,
    host_of,
    is_any,
    of_family,
    route_to,
    seen_by,
    server_of,
)


def test_a_peer_sees_the_address_that_we_are_bound_to_or_the_one_that_faces_it() -> None:
    assert seen_by("127.0.0.1", "192.0.2.7") == "192.0.2.7"
    assert seen_by("127.0.0.1", "0.0.0.0") == "127.0.0.1"
    assert seen_by("::1", "2001:db8::7") == "2001:db8::7"
    assert seen_by("::1", "::") == "::1"
    assert seen_by("127.0.0.1", "2001:db8::7") == "2001:db8::7"


def test_a_peer_of_the_other_family_gets_an_address_of_the_family_that_was_asked_for() -> None:
    assert ":" in facing("127.0.0.1", socket.AF_INET6)
    assert ":" not in facing("::1", socket.AF_INET)


def test_where_no_packet_can_be_sent_to() -> None:
    assert route_to("127.0.0.1") == "127.0.0.1"
    assert route_to("::1") == "::1"
    assert route_to("fe80::1") is None  # on which interface?
    assert route_to("::ffff:127.0.0.1") is None  # no IPv6 packet goes there
    assert route_to("localhost") is None  # names are not looked up here


def test_hosts_of_a_family() -> None:
    hosts = ("192.0.2.1", "2001:db8::1", "192.0.2.2")
    assert of_family(hosts, socket.AF_INET) == "192.0.2.1"
    assert of_family(hosts, socket.AF_INET6) == "2001:db8::1"
    assert of_family(hosts[:1], socket.AF_INET6) is None


def test_bound_to_all_addresses() -> None:
    assert all(map(is_any, ("0.0.0.0", "::")))
    assert not any(map(is_any, ("127.0.0.1", "::1")))


def test_S22_what_faces_a_name_is_not_found_out_by_resolving_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    connected = []
    monkeypatch.setattr(
        "socket.socket.connect", lambda _socket, address: connected.append(address[0])
    )
    seen_by("pbx.example", "0.0.0.0")
    assert connected == ["192.0.2.1"]


def test_addresses_as_pjsip_writes_them() -> None:
    assert address("192.0.2.1:5060") == ("192.0.2.1", 5060)
    assert address("[2001:db8::1]:5060") == ("2001:db8::1", 5060)
    assert address("") == ("", 0)


def test_the_host_of_whom_we_call() -> None:
    for uri in (
        "sip:600@pbx.example",
        "sip:600@pbx.example:5070;transport=tcp",
        "sip:pbx.example?Subject=x",
        '"The PBX" <sip:600@pbx.example:5070>;tag=1',
    ):
        assert host_of(uri) == "pbx.example"
    assert server_of("sip:600@pbx.example:5070;lr") == ("pbx.example", 5070)
    assert server_of("sip:pbx.example") == ("pbx.example", 0)


def test_S21_the_host_of_any_text_is_a_host_or_nothing() -> None:
    assert host_of("<sip:600@[2001:db8::1]:5070;transport=tcp>;tag=1") == "2001:db8::1"
    assert host_of("sip:[2001:db8::1]?Subject=x") == "2001:db8::1"
    for text in ("", "sip:", "sip:600@", "600", "<>", "sip:x@[::1", "sip:x@host:port"):
        assert host_of(text) == ""


def test_S25_the_user_at_a_server_by_sips_is_one_by_sips() -> None:
    assert at_server("sip:100@a.test", "sips:b.test:5071") == "sips:100@b.test:5071"
    assert at_server("sip:100@a.test;x=y", "sip:b.test;transport=tls") == "sip:100@b.test;x=y"
    assert at_server("tel:100", "sips:b.test") == "tel:b.test"
