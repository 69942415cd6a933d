"""S22: real questions over UDP, to a DNS server of our own."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest

from sipua.sip.dns.lookup import PATIENCE_S, Lookup, in_hosts
from sipua.sip.dns.names import Found, Name, NotFound, Outcome, Service
from support.signalling.dns_server import DnsServer

NO_HOSTS = Path("/nowhere")


@pytest.fixture
def server() -> Iterator[DnsServer]:
    made = DnsServer()
    yield made
    made.close()


def look_up(
    server: DnsServer, host: str, *, services: bool = False, hosts: Path = NO_HOSTS
) -> Outcome:
    return asyncio.run(Lookup((server.address,), hosts)(Name(host, services)))


def test_S22_a_name_has_addresses_of_both_kinds_and_a_time(server: DnsServer) -> None:
    server.set("pbx.test", "A", "192.0.2.1", "192.0.2.2", ttl_s=77)
    server.set("pbx.test", "AAAA", "2001:db8::1", ttl_s=99)
    found = look_up(server, "pbx.test")
    assert isinstance(found, Found)
    assert set(found.addresses) == {"192.0.2.1", "192.0.2.2", "2001:db8::1"}
    assert found.ttl_s == 77
    assert {kind for _, kind in server.asked} == {"A", "AAAA"}


def test_S22_services_with_priority_weight_and_the_addresses_of_their_targets(
    server: DnsServer,
) -> None:
    server.set("_sip._udp.pbx.test", "SRV", "10 60 5070 a.test.", "20 0 5060 b.test.", ttl_s=50)
    server.set("_sip._tcp.pbx.test", "SRV", "0 0 0 .")
    server.set("_sips._tcp.pbx.test", "SRV", "10 0 5061 a.test.")
    server.set("a.test", "A", "192.0.2.1", ttl_s=40)
    server.set("b.test", "AAAA", "2001:db8::2")
    server.set("pbx.test", "A", "192.0.2.9", ttl_s=60)
    found = look_up(server, "pbx.test", services=True)
    assert isinstance(found, Found)
    assert found.addresses == ("192.0.2.9",)
    assert set(found.services) == {
        Service("udp", 10, 60, 5070, ("192.0.2.1",)),
        Service("udp", 20, 0, 5060, ("2001:db8::2",)),
        Service("tls", 10, 0, 5061, ("192.0.2.1",)),
    }
    assert found.ttl_s == 5  # the shortest of all that it is made of
    assert not found.missing


def test_S22_a_name_that_is_not_there_says_so(server: DnsServer) -> None:
    server.set("empty.test", "TXT", "nothing")
    for name in ("gone.test", "empty.test"):
        outcome = look_up(server, name, services=True)
        assert outcome == NotFound("DNS knows no such name, or no address of it")


def test_S22_a_server_that_fails_is_named(server: DnsServer) -> None:
    server.refuses = True
    outcome = look_up(server, "pbx.test")
    assert isinstance(outcome, NotFound)
    assert "SERVFAIL" in outcome.cause
    assert server.address in outcome.cause


def test_S22_a_dns_server_that_says_nothing_is_given_up(server: DnsServer) -> None:
    server.dead = True
    outcome = asyncio.run(Lookup((server.address,), NO_HOSTS, (0.05, 0.1))(Name("pbx.test", True)))
    assert outcome == NotFound(f"no answer from {server.address}")
    assert server.asked.count(("pbx.test", "A")) == 2


@pytest.mark.parametrize("host", ["a..b", "x" * 64 + ".test", "b\x00x.test", "." * 300, "ä.test"])
def test_S21_any_text_is_asked_for_or_refused(server: DnsServer, host: str) -> None:
    assert isinstance(look_up(server, host, services=True), NotFound)


def test_S22_the_hosts_file_counts_first(server: DnsServer, tmp_path: Path) -> None:
    hosts = tmp_path / "hosts"
    hosts.write_text(
        "127.0.0.1 localhost # pbx.test\n\n"
        "192.0.2.5\tPBX.test pbx\n::5 pbx\nfe80::1%lo pbx\nx pbx\n"
    )
    server.set("pbx.test", "A", "192.0.2.1")
    assert look_up(server, "pbx.test", hosts=hosts) == Found(("192.0.2.5",), ttl_s=60)
    assert in_hosts(hosts.read_text(), "pbx.") == ("192.0.2.5", "::5")
    assert server.asked == []


@pytest.mark.parametrize("silent", [{"SRV"}, {"AAAA"}, {"SRV", "AAAA"}])
def test_S22_a_server_that_is_silent_about_a_kind_does_not_hold_up_the_rest(
    server: DnsServer, silent: set[str]
) -> None:
    server.set("pbx.test", "A", "192.0.2.1")
    server.silent_about = silent
    patience_s = (0.1, 60.0)  # the test's own limit is less
    found = asyncio.run(Lookup((server.address,), NO_HOSTS, patience_s)(Name("pbx.test", True)))
    assert isinstance(found, Found)
    assert found.addresses == ("192.0.2.1",)
    assert found.missing


def test_S22_services_alone_are_waited_for(server: DnsServer) -> None:
    server.set("_sip._udp.pbx.test", "SRV", "10 60 5070 a.test.")
    server.set("a.test", "A", "192.0.2.1")
    server.delay_s = 0.3
    patience_s = (0.1, 0.2, 1.0)
    found = asyncio.run(Lookup((server.address,), NO_HOSTS, patience_s)(Name("pbx.test", True)))
    assert isinstance(found, Found)
    assert found.every_address == ("192.0.2.1",)


def test_S22_a_slow_server_is_heard_and_nothing_else_waits_for_it(server: DnsServer) -> None:
    """In a twentieth of the time: it answers after what would be ten seconds."""
    server.set("pbx.test", "A", "192.0.2.1")
    server.delay_s = 0.5
    turns = 0

    async def both() -> Outcome:
        nonlocal turns
        patience_s = [wait_s / 20 for wait_s in PATIENCE_S]
        look_up = Lookup((server.address,), NO_HOSTS, patience_s)(Name("pbx.test", False))
        looking = asyncio.ensure_future(look_up)
        while not looking.done():
            await asyncio.sleep(0.005)
            turns += 1
        return looking.result()

    assert isinstance(asyncio.run(both()), Found)
    assert turns > 20
