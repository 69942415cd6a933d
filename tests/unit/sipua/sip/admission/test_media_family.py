"""The offer's family, and what cannot be met: S7 of a call's first moment."""

from __future__ import annotations

from socket import AF_INET, AF_INET6, AddressFamily

import pytest

from sipua.sip.admission.media_family import NO_ROUTE, choose, seen_from

BOTH = (AF_INET, AF_INET6)
V4, V6 = "192.0.2.9", "2001:db8::9"


def everywhere(host: str) -> str:
    return host


def nowhere(_: str) -> None:
    return None


@pytest.mark.parametrize(
    ("offered", "source", "ours", "family"),
    [
        (V4, V4, (AF_INET,), AF_INET),
        (V6, V6, (AF_INET6,), AF_INET6),
        (V6, V4, BOTH, AF_INET6),  # a phone with both families
        (V4, V6, BOTH, AF_INET),
        ("", V4, BOTH, AF_INET),  # a delayed offer: what the signalling shows that it has
        ("", V6, BOTH, AF_INET6),
        ("", V6, (AF_INET,), AF_INET),
        ("phone.example", V4, BOTH, AF_INET),
    ],
)
def test_the_offer_decides(
    offered: str, source: str, ours: tuple[AddressFamily, ...], family: AddressFamily
) -> None:
    assert choose(offered, source, ours, everywhere) == family


def test_S7_an_offer_that_no_packet_can_reach_is_refused() -> None:
    assert choose(V6, V4, BOTH, nowhere) is NO_ROUTE
    assert choose(V6, V6, BOTH, nowhere) is NO_ROUTE
    assert choose(V4, V6, BOTH, nowhere) is NO_ROUTE


def test_a_caller_behind_a_nat_names_an_address_that_we_cannot_reach() -> None:
    assert choose("10.99.99.99", V4, BOTH, nowhere) == AF_INET


def test_a_route_is_only_asked_for_where_somebody_is_named() -> None:
    assert choose("", V6, BOTH, nowhere) == AF_INET6


def test_where_the_peer_is_for_our_host_in_sdp() -> None:
    assert seen_from(AF_INET, V4, "10.9.9.9") == V4
    assert seen_from(AF_INET6, V4, V6) == V6  # the families differ: its audio
