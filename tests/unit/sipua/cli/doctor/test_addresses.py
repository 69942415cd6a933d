from __future__ import annotations

import socket
from collections.abc import Iterator
from typing import Any

import pytest

from sipua.cli.doctor import addresses
from sipua.config import Config
from sipua.doctor.findings import Finding, Level
from support.ports import LOOPBACK
from support.signalling.stun_server import StunServer


@pytest.fixture
def server() -> Iterator[StunServer]:
    udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    udp.bind((LOOPBACK, 0))
    with StunServer(udp) as running:
        running.says = "203.0.113.9"
        yield running


def examined(*servers: str, **sip: Any) -> list[Finding]:
    return addresses.examine(Config.model_validate({"sip": {"stun_servers": servers, **sip}}))


def test_without_servers_nothing_is_asked() -> None:
    assert examined() == []


def test_what_a_server_says(server: StunServer) -> None:
    (finding,) = examined(server.address)
    assert finding == Finding(Level.OK, f"STUN {server.address}", "we are reached at 203.0.113.9")


def test_a_name_that_is_not_known(server: StunServer) -> None:
    good, bad = examined(server.address, "localhost.invalid")
    assert good.level is Level.OK
    assert (bad.level, bad.name) == (Level.WARN, "STUN localhost.invalid:3478")
    assert "no IPv4 address" in bad.value


def test_an_address_that_is_not_of_this_machine(server: StunServer) -> None:
    (finding,) = examined(server.address, host="192.0.2.5")
    assert finding.level is Level.WARN
    assert finding.value.startswith("cannot send from 192.0.2.5")


def test_two_ways_out(server: StunServer) -> None:
    udp = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    udp.bind((LOOPBACK, 0))
    with StunServer(udp) as other:
        other.says = "198.51.100.4"
        *_, last = examined(server.address, other.address)
    assert last.level is Level.WARN
    assert "198.51.100.4, 203.0.113.9" in last.value
