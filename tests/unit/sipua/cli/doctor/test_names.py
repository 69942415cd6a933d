from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from sipua.cli.doctor import names as doctor_names
from sipua.config import load
from sipua.doctor.findings import Finding, Level
from support.calls.edge import toml
from support.signalling.dns_server import DnsServer


@pytest.fixture
def dns() -> Iterator[DnsServer]:
    server = DnsServer()
    yield server
    server.close()


def examined(dns: DnsServer, home: Path, *hosts: str) -> list[Finding]:
    path = home / "edge.toml"
    path.write_text(
        toml(
            {
                "sip": {"nameservers": [dns.address]},
                "trunks": [{"name": "carrier", "hosts": list(hosts)}],
            }
        )
    )
    return doctor_names.examine(load(path, {}))


def test_S22_doctor_says_what_names_stand_for(dns: DnsServer, tmp_path: Path) -> None:
    dns.set("sbc.test", "A", "192.0.2.1")
    found, gone = examined(dns, tmp_path, "sbc.test", "gone.test", "192.0.2.7")
    assert found == Finding(Level.OK, "name of carrier", "sbc.test: 192.0.2.1")
    assert gone.level is Level.WARN
    assert gone.value == "gone.test: DNS knows no such name, or no address of it"
    assert "getent hosts gone.test" in gone.advice


def test_S22_doctor_asks_nothing_of_a_configuration_of_addresses(
    dns: DnsServer, tmp_path: Path
) -> None:
    assert examined(dns, tmp_path, "192.0.2.7", "198.51.100.0/24") == []
    assert dns.asked == []
