"""Asterisk as a provider that asserts who calls (RFC 3325), and one that reads our assertion."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from support.calls.edge import Edge
from support.calls.outbound import Outbound
from support.peers.asterisk import EVERY_ASTERISK, Asterisk
from support.ports import LOOPBACK
from support.process import wait_until

pytestmark = [pytest.mark.peer, pytest.mark.timeout(120)]


def called_by(asterisk: Asterisk, edges: Callable[..., Edge], extension: str) -> Edge:
    edge = edges(
        {
            "sip": {"accept": "trunks"},
            "trunks": [
                {
                    "name": "carrier",
                    "hosts": [LOOPBACK],
                    "trust_identity": True,
                    "number_in": {"0": "+49"},
                }
            ],
            "record": {"numbers": "full"},
        }
    )
    asterisk.cli(f"dialplan set global EDGE sip:030100@{LOOPBACK}:{edge.port}")
    asterisk.cli(f"channel originate Local/{extension}@sipua application Wait 3")
    edge.wait_event("call.ended")
    return edge


@EVERY_ASTERISK
def test_who_calls_by_asterisks_assertion(
    asterisk: Asterisk, edge_factory: Callable[..., Edge]
) -> None:
    edge = called_by(asterisk, edge_factory, "613")
    *_, invite = asterisk.sip_messages(f"INVITE sip:030100@{LOOPBACK}:{edge.port}", sent=True)
    assert 'P-Asserted-Identity: "Ann" <sip:0301234567@' in invite
    incoming = edge.wait_event("call.incoming")
    assert incoming["called"] == "+4930100"
    assert incoming["caller"] == {
        "number": "+49301234567",
        "received": "0301234567",
        "name": "Ann",
        "header": "P-Asserted-Identity",
    }


@EVERY_ASTERISK
def test_a_number_that_asterisk_withholds(
    asterisk: Asterisk, edge_factory: Callable[..., Edge]
) -> None:
    edge = called_by(asterisk, edge_factory, "614")
    *_, invite = asterisk.sip_messages(f"INVITE sip:030100@{LOOPBACK}:{edge.port}", sent=True)
    assert "Privacy: id" in invite
    assert "0301234567" in invite  # it was asserted, for the provider alone
    assert edge.wait_event("call.incoming")["caller"]["anonymous"] is True
    assert "301234567" not in edge.log


@EVERY_ASTERISK
@pytest.mark.parametrize(
    ("keys", "known"),
    [
        ({"assert_identity": True}, r"0301234567:Ex Ltd:allowed\w*"),
        ({"assert_identity": True, "hide_caller_id": True}, r"0301234567:Ex Ltd:prohib\w*"),
        ({}, r"0301234567:Ex Ltd:allowed\w*"),
    ],
)
def test_asterisk_knows_us_by_our_number(
    asterisk: Asterisk, tmp_path: Path, keys: dict[str, Any], known: str
) -> None:
    trunk = {
        "name": "carrier",
        "proxy": f"sip:{LOOPBACK}:{asterisk.port}",
        "caller_id": "+49301234567",
        "caller_name": "Ex Ltd",
        "number_out": {"+49": "0"},
    }
    uri = f"sip:615@{LOOPBACK}:{asterisk.port}"
    before = len(asterisk.log)
    outbound = Outbound(tmp_path, uri, {"trunks": [trunk | keys]}, account="carrier")
    status = outbound.wait()
    outbound.close()
    assert status == 0, outbound.told
    wait_until(
        lambda: re.search(rf"caller={known}", asterisk.log[before:]),
        10,
        f"caller={known} in: {re.findall('caller=.*', asterisk.log[before:])}",
    )
