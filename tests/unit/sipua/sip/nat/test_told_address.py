"""Which address of ours a peer is told."""

import ipaddress
import socket

import pytest

from sipua.sip.nat.told_address import ToldAddress, Towards, contact, listener_for
from sipua.sip.wire.addresses import Listener

LAN = Towards((ipaddress.ip_network("10.0.0.0/8"), ipaddress.ip_network("fd00::/8")))
VPN = Towards((ipaddress.ip_network("172.20.0.0/16"),), "172.20.0.1")
PUBLIC = ("203.0.113.9", "2001:db8::9")


def told(*towards: Towards, stun: bool = False) -> ToldAddress:
    return ToldAddress(towards, varies=stun)


@pytest.mark.parametrize(
    ("peer", "bound", "expected"),
    [
        ("198.51.100.7", "192.0.2.5", "203.0.113.9"),
        ("10.1.2.3", "192.0.2.5", "192.0.2.5"),
        ("172.20.9.9", "192.0.2.5", "172.20.0.1"),
        ("trunk.example.com", "192.0.2.5", "203.0.113.9"),
        ("2001:db8:5::1", "2001:db8::5", "2001:db8::9"),
        ("fd00::7", "2001:db8::5", "2001:db8::5"),
        # Signalling from the VPN by IPv4, audio by IPv6: the entry has no such address.
        ("172.20.9.9", "2001:db8::5", "2001:db8::5"),
        # Bound to all: our own one is that of the route.
        ("127.0.0.5", "0.0.0.0", "203.0.113.9"),
    ],
)
def test_by_network_and_the_public_one_to_all_others(peer: str, bound: str, expected: str) -> None:
    assert told(VPN, LAN).to(peer, bound, PUBLIC) == expected


def test_our_own_one_is_that_of_the_route_to_the_peer() -> None:
    here = Towards((ipaddress.ip_network("127.0.0.0/8"),))
    assert told(here).to("127.0.0.5", "0.0.0.0", PUBLIC) == "127.0.0.1"
    assert told().to("127.0.0.5", "0.0.0.0", ()) == "127.0.0.1"


def test_the_first_entry_counts() -> None:
    phone = Towards((ipaddress.ip_network("10.1.2.3"),), "10.0.0.99")
    assert told(phone, LAN).to("10.1.2.3", "192.0.2.5", PUBLIC) == "10.0.0.99"
    assert told(LAN, phone).to("10.1.2.3", "192.0.2.5", PUBLIC) == "192.0.2.5"


def test_what_stun_finds_is_the_public_address_of_ipv4() -> None:
    found = told(LAN, stun=True)
    assert found.by_peer
    assert found.to("198.51.100.7", "192.0.2.5", ()) == "192.0.2.5"  # nothing is known yet
    found.found = "203.0.113.77"
    assert found.to("198.51.100.7", "192.0.2.5", ()) == "203.0.113.77"
    assert found.to("10.1.2.3", "192.0.2.5", ()) == "192.0.2.5"
    assert found.to("2001:db8:5::1", "2001:db8::5", ()) == "2001:db8::5"
    assert found.to("198.51.100.7", "192.0.2.5", ("203.0.113.9",)) == "203.0.113.9"


def test_one_address_for_all_is_left_to_pjsip() -> None:
    assert not told().by_peer
    assert told(LAN).by_peer


def test_contacts() -> None:
    assert contact("sip:100@pbx", "203.0.113.9", 5060, "udp") == "<sip:100@203.0.113.9:5060>"
    assert contact("sip:100@pbx", "2001:db8::9", 5060, "tcp") == (
        "<sip:100@[2001:db8::9]:5060;transport=tcp>"
    )
    assert contact("sips:100@pbx", "203.0.113.9", 5061, "tls") == (
        "<sips:100@203.0.113.9:5061;transport=tls>"
    )
    assert contact("sip:pbx", "203.0.113.9", 5060, "udp") == "<sip:203.0.113.9:5060>"


def test_where_we_listen() -> None:
    listeners = [Listener("udp", ("0.0.0.0", 5060)), Listener("udp", ("::", 5060))]
    assert listener_for(listeners, "udp", socket.AF_INET6) is listeners[1]
    assert listener_for(listeners, "tls", socket.AF_INET) is None
