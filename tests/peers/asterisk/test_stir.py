"""STIR/SHAKEN with Asterisk, which has its own: each signs what the other one verifies."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import pytest

from support.calls.edge import Edge
from support.calls.outbound import Outbound
from support.certificates import Authority
from support.peers.asterisk import Asterisk
from support.peers.stir_asterisk import Stir
from support.ports import LOOPBACK
from support.process import wait_until
from support.signalling.stir import CALLED, CALLER, Identified, authority
from support.signalling.stir_server import CertificateServer, Page

pytestmark = [pytest.mark.peer, pytest.mark.timeout(120)]
OURS = "12155550150"


@dataclass(frozen=True)
class Bed:
    asterisk: Asterisk
    root: Identified
    https: Authority
    server: CertificateServer
    folder: Path

    @property
    def stir(self) -> dict[str, object]:
        return {
            "authorities": self.folder / "root.pem",
            "ca_file": self.https.file,
            "allow": [LOOPBACK],
            "timeout_s": 10,
        }


@pytest.fixture(scope="module")
def bed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bed]:
    folder = tmp_path_factory.mktemp("stir")
    https = Authority(folder / "https")
    server = CertificateServer(https)
    root = authority()
    root.write(folder, "root")
    provider = root.issue("Provider of Asterisk")
    _, key = provider.write(folder, "provider")
    (folder / "cache").mkdir()
    stir = Stir(
        key=key,
        url=server.url("/provider.pem", Page(provider.pem)),
        number=CALLER,
        ca_file=folder / "root.pem",
        cache=folder / "cache",
        https_ca_file=https.file,
    )
    asterisk = Asterisk(folder / "asterisk", stir=stir)
    yield Bed(asterisk, root, https, server, folder)
    asterisk.stop()
    server.close()


def called(bed: Bed, edge: Edge, caller: str) -> None:
    bed.asterisk.cli(f"dialplan set global EDGE sip:{CALLED}@{LOOPBACK}:{edge.port}")
    bed.asterisk.cli(f"dialplan set global CALLER {caller}")
    bed.asterisk.cli("channel originate Local/620@sipua application Wait 3")


def test_what_asterisk_signs_we_verify(bed: Bed, edge_factory: Callable[..., Edge]) -> None:
    trunk = {"name": "carrier", "hosts": [LOOPBACK], "stir": "require", "stir_min_attest": "A"}
    edge = edge_factory(
        {
            "sip": {"accept": "trunks"},
            "stir": bed.stir,
            "trunks": [trunk],
            "record": {"numbers": "full"},
        }
    )
    called(bed, edge, CALLER)
    incoming = edge.wait_event("call.incoming")
    found = incoming["caller"]
    assert (found["number"], found["verstat"], found["attest"]) == (
        CALLER,
        "TN-Validation-Passed",
        "A",
    )
    assert found["verified_by"] == "edge"
    assert edge.wait_event("call.ended")["caller"] == found
    bed.asterisk.wait_idle()

    called(bed, edge, OURS)  # a number that Asterisk does not sign with
    rejected = edge.wait_event("call.rejected")
    assert (rejected["status"], rejected["rule"]) == (428, "stir")
    assert rejected["cause"] == "there is no Identity header"
    bed.asterisk.wait_idle()
    assert bed.asterisk.sip_messages("SIP/2.0 428 Use Identity Header", sent=False)


def test_what_we_sign_asterisk_verifies(bed: Bed, tmp_path: Path) -> None:
    own = bed.root.issue("Ours")
    certificate, key = own.write(tmp_path, "own")
    url = bed.server.url("/own.pem", Page(own.pem))
    trunk = {
        "name": "carrier",
        "proxy": f"sip:{LOOPBACK}:{bed.asterisk.port}",
        "caller_id": f"+{OURS}",
        "stir_attest": "B",
    }
    sign = {"key": key, "certificate": certificate, "certificate_url": url}
    config = {"trunks": [trunk], "stir": {"sign": sign}}
    uri = f"sip:+{CALLED}@{LOOPBACK}:{bed.asterisk.port}"
    with closing(Outbound(tmp_path, uri, config, account="carrier")) as outbound:
        outbound.wait(60)
    verdict = wait_until(
        lambda: [line for line in bed.asterisk.log.splitlines() if "verdict=" in line],
        10,
        "Asterisk's verdict",
    )
    assert "verdict=success:B" in verdict[-1], bed.asterisk.log[-4000:]
