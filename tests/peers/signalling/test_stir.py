"""Callers whose number is not proved, on real calls: refused as RFC 8224 says."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path

import pytest

from support.calls.edge import Edge
from support.certificates import Authority
from support.peers.raw_caller import RawCaller
from support.ports import LOOPBACK
from support.signalling.stir import CALLED, CALLER, authority
from support.signalling.stir_server import CertificateServer, Page

pytestmark = [pytest.mark.peer, pytest.mark.timeout(120)]


def test_each_refusal_has_its_status(edge_factory: Callable[..., Edge], tmp_path: Path) -> None:
    https = Authority(tmp_path / "https")
    server = CertificateServer(https)
    root = authority()
    root.write(tmp_path, "root")
    provider, foreign = root.issue("Provider"), authority("Foreign").issue("Provider")
    good = server.url("/good.pem", Page(provider.pem))
    trunk = {"name": "carrier", "hosts": [LOOPBACK], "stir": "require"}
    stir = {
        "authorities": tmp_path / "root.pem",
        "ca_file": https.file,
        "allow": [LOOPBACK],
        "timeout_s": 10,
        "max_age_s": 600,  # this machine may be slow
    }
    edge = edge_factory({"sip": {"accept": "trunks"}, "stir": stir, "trunks": [trunk]})

    def call(identity: str) -> RawCaller:
        who = f"<sip:+{CALLER}@{LOOPBACK}>;tag=1"
        says = {"From": who, "To": f"<sip:+{CALLED}@{LOOPBACK}>", "Identity": identity}
        caller = RawCaller((LOOPBACK, edge.port), says=says)
        caller.invite()
        return caller

    signed = provider.identity(url=good)
    cases = [
        (provider.identity(url=server.url("/gone.pem", Page(status=404))), 436),
        (foreign.identity(url=server.url("/foreign.pem", Page(foreign.pem))), 437),
        (provider.identity("12155550101", url=good), 438),
        (signed.replace(";info=", "A;info="), 438),
        ("x" * 20_000, 438),
        (provider.identity(url=good, iat=time.time() - 3600), 403),
        (provider.identity(url="https://169.254.169.254/"), 436),
    ]
    for identity, status in cases:
        with call(identity) as caller:
            assert caller.final("INVITE", 60).status == status
            caller.ack()
    assert server.asked == ["/gone.pem", "/foreign.pem", "/good.pem"]
    assert [one["status"] for one in edge.rejected(len(cases))] == [one for _, one in cases]

    with call(signed) as caller:
        incoming = edge.wait_event("call.incoming")
        assert incoming["caller"]["verstat"] == "TN-Validation-Passed"
        assert server.asked.count("/good.pem") == 1
        caller.final("INVITE", 60)
        caller.ack()
        caller.bye()
        edge.wait_event("call.ended")
    server.close()
