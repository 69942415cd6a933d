"""S22: trunks, registrars and callees by name, with a DNS server that is dead, slow, changes its
mind, or knows services.

Their names are in no other DNS than ours: what is found was asked for where the edge was told to.
"""

import os
import signal
import socket
import struct
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from support.calls.edge import Edge, toml
from support.peers.sipp import Sipp, SippRun
from support.ports import LOOPBACK, PortBlock
from support.process import Child, wait_until
from support.signalling.dns_server import DnsServer

pytestmark = pytest.mark.peer

Edges = Callable[..., Edge]

REGISTRAR = {"USERNAME": "agent", "PASSWORD": "secret", "EXPIRES": "60"}


@pytest.fixture
def dns() -> Iterator[DnsServer]:
    server = DnsServer()
    yield server
    server.close()


def with_trunk(dns: DnsServer, *hosts: str) -> dict[str, Any]:
    return {
        "sip": {"accept": "trunks", "nameservers": [dns.address]},
        "trunks": [{"name": "carrier", "hosts": list(hosts)}],
    }


def account(registrar: str, name: str = "pbx") -> dict[str, Any]:
    return {
        "name": name,
        "registrar": f"sip:{registrar}",
        "user": "agent",
        "password": "secret",
        "refresh_s": 5,
    }


def registrations(run: SippRun) -> int:
    return len([m for m in run.messages() if not m.sent and "REGISTER" in m.first_line])


def test_S22_dns_down_at_the_start_and_what_is_refused_meanwhile_says_why(
    edge_factory: Edges, sipp: Sipp, dns: DnsServer
) -> None:
    dns.refuses = True
    edge = edge_factory(with_trunk(dns, "sbc.test"))
    told = edge.wait_event("trunk.unresolved")
    assert (told["origin"], told["name"], told["addresses"]) == ("carrier", "sbc.test", [])
    assert "SERVFAIL" in told["cause"]
    assert 0 < told["next_in_s"] <= 30
    refused = sipp.run("uac_rejected", edge.address, STATUS="403")
    assert edge.wait_event("call.rejected")["cause"] == "not resolved yet: sbc.test"
    assert all("sbc.test" not in m.text for m in refused.messages)  # our affair
    dns.set("sbc.test", "A", LOOPBACK)
    dns.refuses = False
    found = edge.wait_event("trunk.resolved", timeout_s=35)
    assert found["addresses"] == [LOOPBACK]
    sipp.run("uac_call", edge.address, pause_ms=200)
    assert edge.wait_event("call.incoming")["origin"] == "carrier"
    assert edge.stop() == 0


@pytest.mark.slow
def test_S22_dns_that_says_nothing_delays_neither_start_nor_end(
    edge_factory: Edges, sipp: Sipp, dns: DnsServer
) -> None:
    dns.dead = True
    dns.set("sbc.test", "A", LOOPBACK)
    edge = edge_factory(with_trunk(dns, "sbc.test") | {"accounts": [account("gone.test")]})
    assert edge.events(name="trunk.unresolved") == []  # it is up, and still asking
    sipp.run("uac_rejected", edge.address, STATUS="403")
    assert "sbc.test" in edge.wait_event("call.rejected")["cause"]
    dns.dead = False
    assert edge.wait_event("trunk.resolved", timeout_s=35)["name"] == "sbc.test"
    sipp.run("uac_call", edge.address, pause_ms=200)
    dns.dead = True
    edge.wait_event("call.ended")
    assert edge.stop(10) == 0


@pytest.mark.slow
def test_S22_signalling_does_not_wait_for_dns_that_takes_ten_seconds(
    edge_factory: Edges, sipp: Sipp, dns: DnsServer
) -> None:
    named = sipp.start("uas_registrar", calls=50, pause_ms=60000, **REGISTRAR)
    plain = sipp.start("uas_registrar", calls=50, pause_ms=60000, **REGISTRAR)
    dns.set("pbx.test", "A", LOOPBACK)
    dns.delay_s = 10.0
    edge = edge_factory(
        {
            "sip": {"nameservers": [dns.address]},
            "accounts": [
                account(f"pbx.test:{named.port}", "named"),
                account(plain.address, "plain"),
            ],
        }
    )
    wait_until(lambda: ("pbx.test", "A") in dns.asked, 10, "the question")
    sipp.run("uac_options", edge.address)
    sipp.run("uac_call", edge.address, pause_ms=200)
    wait_until(lambda: registrations(plain) >= 2, 5, "the other account's registration")
    assert registrations(named) == 0  # all of it while the name was being looked up
    edge.wait_event("registration.ok", count=2, timeout_s=35)
    assert registrations(named) >= 1
    assert edge.stop() == 0


def test_S22_a_trunk_that_moves_is_known_at_its_new_address(
    edge_factory: Edges, sipp: Sipp, dns: DnsServer
) -> None:
    dns.set("sbc.test", "A", "127.0.0.2", "192.0.2.1")
    dns.set("sbc.test", "AAAA", "2001:db8::1")
    edge = edge_factory(with_trunk(dns, "sbc.test"))
    found = edge.wait_event("trunk.resolved")
    assert set(found["addresses"]) == {"127.0.0.2", "192.0.2.1", "2001:db8::1"}
    sipp.run("uac_rejected", edge.address, STATUS="403")
    assert "cause" not in edge.wait_event("call.rejected")
    dns.set("sbc.test", "A", LOOPBACK)
    dns.set("sbc.test", "AAAA")
    assert edge.wait_event("trunk.resolved", count=2, timeout_s=15)["addresses"] == [LOOPBACK]
    dns.refuses = True  # what was found holds
    assert edge.wait_event("trunk.unresolved", timeout_s=15)["addresses"] == [LOOPBACK]
    sipp.run("uac_call", edge.address, pause_ms=200)
    assert edge.stop() == 0


def test_S22_a_registrar_is_found_by_its_services_and_found_again(
    edge_factory: Edges, sipp: Sipp, dns: DnsServer
) -> None:
    first, second, unused = (
        sipp.start("uas_registrar", calls=50, pause_ms=60000, **REGISTRAR) for _ in range(3)
    )
    dns.set("one.test", "A", LOOPBACK)
    dns.set(
        "_sip._udp.pbx.test",
        "SRV",
        f"10 5 {first.port} one.test.",
        f"20 5 {unused.port} one.test.",
    )
    edge = edge_factory({"sip": {"nameservers": [dns.address]}, "accounts": [account("pbx.test")]})
    edge.wait_event("registration.ok")
    assert registrations(first) >= 1
    dns.set("_sip._udp.pbx.test", "SRV", f"10 5 {second.port} one.test.")
    wait_until(lambda: registrations(second) >= 1, 25, "REGISTER at the new server")
    assert registrations(unused) == 0
    said = next(m.text for m in second.messages() if not m.sent)
    assert said.startswith("REGISTER sip:pbx.test SIP/2.0")  # the name stays a name


def test_S22_the_next_target_of_a_name_is_asked_when_the_first_one_fails(
    edge_factory: Edges, sipp: Sipp, dns: DnsServer
) -> None:
    """Its Retry-After is its own, and not the other one's."""
    fails = sipp.start(
        "uas_registrar_refuses", STATUS="503 Service Unavailable", HEADERS="Retry-After: 3600"
    )
    second = sipp.start("uas_registrar", calls=50, pause_ms=60000, **REGISTRAR)
    dns.set("one.test", "A", LOOPBACK)
    records = f"10 5 {fails.port} one.test.", f"20 5 {second.port} one.test."
    dns.set("_sip._udp.pbx.test", "SRV", *records)
    edge = edge_factory({"sip": {"nameservers": [dns.address]}, "accounts": [account("pbx.test")]})
    assert edge.wait_event("registration.failed")["status"] == 503
    edge.wait_event("registration.ok", timeout_s=20)
    wait_until(lambda: registrations(second) >= 3, 20, "a refresh, at the same one")
    assert registrations(fails) == 1


def test_S22_a_bye_to_a_name_waits_for_it_and_nothing_else_does(
    edge_factory: Edges, sipp: Sipp, dns: DnsServer
) -> None:
    """A phone's Contact is whatever it likes: our BYE goes there."""
    dns.set("phone.test", "A", LOOPBACK)
    dns.delay_s = 1.5
    edge = edge_factory(
        {"sip": {"nameservers": [dns.address]}, "calls": {"max_duration_s": 1}},
    )
    contact = "Contact: <sip:caller@phone.test:[local_port]>"
    call = sipp.start("uac_call_ended_by_peer", edge.address, CONTACT=contact)
    wait_until(lambda: ("phone.test", "A") in dns.asked, 10, "the question")
    sipp.run("uac_options", edge.address)
    assert not [m for m in call.messages() if not m.sent and m.first_line.startswith("BYE")]
    call.wait()
    assert edge.stop() == 0


# --- calls of ours ----------------------------------------------------------------------------


@pytest.fixture
def dial(tmp_path: Path, dns: DnsServer) -> Iterator[Callable[[str], Child]]:
    ports = PortBlock()
    first, last = ports.range(20)
    config = tmp_path / "call.toml"
    sections: dict[str, dict[str, Any]] = {
        "sip": {"nameservers": [dns.address]},
        "rtp": {"port_min": first, "port_max": last},
    }
    config.write_text(toml(sections))
    children: list[Child] = []

    def start(uri: str) -> Child:
        command = [sys.executable, "-m", "sipua", "call", uri, "--config", config]
        child = Child(
            [*command, "--seconds", "3", "--after", "0.1"],
            tmp_path / f"call-{len(children)}",
            env=dict(os.environ),
        )
        children.append(child)
        return child

    yield start
    for child in children:
        if child.exit_status is None:
            child.kill()
    ports.close()


def test_S22_R1_a_callee_by_name_opens_the_latch_to_nobody_else(
    dial: Callable[[str], Child], sipp: Sipp, dns: DnsServer
) -> None:
    """Its SDP is private, and so is the address that answers: no NAT, and so no other source."""
    callee = sipp.start("uas_answer", pause_ms=50)
    dns.set("pbx.test", "A", LOOPBACK)
    call = dial(f"sip:600@pbx.test:{callee.port}")
    story = call.log.read_text
    wait_until(lambda: "answered" in story(), 15, "the answer")
    port = int(story().partition("rtp_port=")[2].split()[0])
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as other:
        other.bind(("127.0.0.2", 0))
        other.setblocking(False)
        for number in range(100):
            packet = struct.pack("!BBHII", 0x80, 0, number, 160 * number, 7) + b"\xff" * 160
            other.sendto(packet, (LOOPBACK, port))
            time.sleep(0.02)
        assert call.wait(15) == 0
        with pytest.raises(BlockingIOError):
            other.recv(2048)
    assert "(0 packets in" in story()


def test_S22_a_callee_that_has_no_address_is_told_at_once(
    dial: Callable[[str], Child], dns: DnsServer
) -> None:
    call = dial("sip:600@nowhere.test")
    assert call.wait(15) == 6
    assert "502 nowhere.test: DNS knows no such name" in call.log.read_text()
    assert ("_sip._udp.nowhere.test", "SRV") in dns.asked


def test_S22_ctrl_c_ends_a_call_whose_name_is_being_looked_up(
    dial: Callable[[str], Child], dns: DnsServer
) -> None:
    dns.dead = True
    call = dial("sip:600@pbx.test")
    wait_until(lambda: ("pbx.test", "A") in dns.asked, 10, "the question")
    call.send(signal.SIGINT)
    began = time.monotonic()
    assert call.wait(15) == 130
    assert time.monotonic() - began < 10
