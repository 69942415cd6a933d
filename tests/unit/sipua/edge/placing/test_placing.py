"""A call of ours leaves from an address of its target's family."""

from __future__ import annotations

import dataclasses
from socket import AF_INET, AF_INET6, AddressFamily
from typing import Any

import pytest

from sipua.config import Config
from sipua.edge.placing.placing import (
    RequestError,
    check_uri,
    first_hop,
    for_one_call,
    reserve,
    towards,
)
from sipua.sip.settings import AccountSettings
from support.signalling.signalling import SETTINGS


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


def test_a_single_call_keeps_no_connections_for_later_ones() -> None:
    engine = {"url": "ws://127.0.0.1:9/x", "spare_sessions": 3}
    config = Config.model_validate({"engine": engine, "engines": {"backup": engine}})
    alone = for_one_call(config)
    assert (alone.engine.spare_sessions, alone.engines["backup"].spare_sessions) == (0, 0)
    assert alone.engine.url == config.engine.url


def test_uris_with_an_ipv6_address() -> None:
    check_uri("sip:agent@[::1]:5060;transport=tcp")
    check_uri("sip:[2001:db8::1]")
    with pytest.raises(RequestError, match="in brackets"):
        check_uri("sip:agent@2001:db8::1")


class Names:
    """In the place of a SipAgent: what names stand for."""

    def __init__(self, **known: tuple[str, ...]) -> None:
        self._known = known

    async def addresses_of(self, host: str, *, services: bool) -> tuple[str, ...]:
        return self._known.get(f"{host}_{services}", ())


class Ports:
    """In the place of a pool: says which family was asked for."""

    def __init__(self, *families: AddressFamily) -> None:
        self.families = families

    def reserve(self, _now: float, family: AddressFamily) -> AddressFamily:
        return family


BOTH, ONE = Ports(AF_INET6, AF_INET), Ports(AF_INET)


@pytest.mark.parametrize(
    ("ports", "uri", "family"),
    [
        (BOTH, "sip:a@127.0.0.1", AF_INET),
        (BOTH, "sip:a@[::1]:5060", AF_INET6),
        (ONE, "sip:a@[::1]", AF_INET),  # pjsip will say that it cannot
        (BOTH, "sip:a@both", AF_INET),
        (BOTH, "sip:a@six:5060", AF_INET6),
        (BOTH, "sip:a@unknown", AF_INET6),
    ],
)
async def test_the_family_of_the_first_hop(ports: Ports, uri: str, family: int) -> None:
    sip = Names(both_True=("::1", "127.0.0.1"), six_False=("::1",))
    asked = reserve(ports, sip, uri)  # type: ignore[arg-type]  # stand-ins
    assert await asked == family


async def test_the_first_hop_is_the_accounts_proxy() -> None:
    account = AccountSettings("carrier", "sip:us@carrier", proxy="sip:[::1]:5070;lr")
    settings = dataclasses.replace(SETTINGS, accounts=(account,))
    hop = first_hop(settings, "carrier", "sip:a@127.0.0.1")
    assert await reserve(BOTH, Names(), hop) == AF_INET6  # type: ignore[arg-type]
    assert first_hop(settings, "", "sip:a@127.0.0.1") == "sip:a@127.0.0.1"
