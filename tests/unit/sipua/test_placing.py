"""A call of ours leaves from an address of its target's family."""

from __future__ import annotations

from socket import AF_INET, AF_INET6
from typing import Any

import pytest

from sipua.config import Config
from sipua.placing import RequestError, _family_towards, check_uri, towards


def config(**sections: Any) -> Config:
    return Config.model_validate(sections)


@pytest.mark.parametrize(
    ("host", "uri", "hosts"),
    [
        ("127.0.0.1", "sip:agent@127.0.0.1:5060", ("127.0.0.1",)),
        ("127.0.0.1", "sip:agent@[::1]:5060", ("127.0.0.1", "::1")),
        ("::1", "sip:agent@127.0.0.1", ("::1", "127.0.0.1")),
        ("0.0.0.0", "sip:100@[2001:db8::1]", ("0.0.0.0", "::")),
        (["192.0.2.1", "2001:db8::7"], "sip:100@[2001:db8::1]", ("192.0.2.1", "2001:db8::7")),
        ("192.0.2.1", "sip:100@pbx.example", ("192.0.2.1",)),
    ],
)
def test_what_it_is_called_from(host: Any, uri: str, hosts: tuple[str, ...]) -> None:
    assert towards(config(sip={"host": host}), uri).sip.host == hosts


def test_rtp_has_the_family_too() -> None:
    both = towards(config(sip={"host": "0.0.0.0"}, rtp={"host": "127.0.0.1"}), "sip:a@[::1]")
    assert (both.sip.host, both.rtp.host) == (("0.0.0.0", "::"), ("127.0.0.1", "::1"))
    assert towards(config(), "sip:a@[::1]").rtp.host == ()  # as sip.host


def test_an_address_that_has_no_counterpart_is_asked_for() -> None:
    with pytest.raises(RequestError, match=r'sip.host has no IPv6.*\["192.0.2.1", "::"\]'):
        towards(config(sip={"host": "192.0.2.1"}), "sip:100@[2001:db8::1]")
    with pytest.raises(RequestError, match=r"rtp.host has no IPv4"):
        towards(config(rtp={"host": "2001:db8::7"}), "sip:100@192.0.2.1")


def test_uris_with_an_ipv6_address() -> None:
    check_uri("sip:agent@[::1]:5060;transport=tcp")
    check_uri("sip:[2001:db8::1]")
    with pytest.raises(RequestError, match="in brackets"):
        check_uri("sip:agent@2001:db8::1")


async def test_the_family_of_the_first_hop() -> None:
    assert await _family_towards("127.0.0.1", (AF_INET, AF_INET6)) == AF_INET
    assert await _family_towards("::1", (AF_INET, AF_INET6)) == AF_INET6
    assert await _family_towards("::1", (AF_INET,)) == AF_INET  # pjsip will say that it cannot
