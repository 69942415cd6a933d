"""Digits both ways against a real Asterisk: as telephone events, and as tones without them."""

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from support.calls.edge import Edge, toml
from support.peers.asterisk import EVERY_ASTERISK, Asterisk
from support.peers.asterisk_config import KEYS
from support.ports import LOOPBACK, PortBlock
from support.process import wait_until

Edges = Callable[..., Edge]
PRESSED = "1234567890*ABCD"


@EVERY_ASTERISK
@pytest.mark.parametrize(("endpoint", "inband"), [("trunk", False), ("inband", True)])
def test_the_edge_hears_each_digit_once(
    asterisk: Asterisk, edge_factory: Edges, endpoint: str, inband: bool
) -> None:
    # The agent is silent, so that no answer to the tones runs into the next digit.
    edge = edge_factory({"calls": {"mask_dtmf": False}, "agent": {"mode": "silence"}})
    asterisk.originate(f"PJSIP/{endpoint}/{edge.uri}", "610")
    ended = edge.wait_event("call.ended", timeout_s=20)
    digits = edge.events(name="call.dtmf")
    assert "".join(event["digit"] for event in digits) == KEYS
    assert {event["inband"] for event in digits} == {inband}
    # Asterisk ends a digit by its clock: 120 or 160 ms, and anything on a machine that is busy.
    assert all(40 <= event["duration_ms"] < 1000 for event in digits)
    assert ended["rtp"]["dtmf"]["digits"] == (0 if inband else len(KEYS))


def test_digits_are_masked_unless_the_configuration_says_otherwise(
    asterisk: Asterisk, edge_factory: Edges
) -> None:
    edge = edge_factory()
    asterisk.originate(f"PJSIP/trunk/{edge.uri}", "610")
    edge.wait_event("call.ended", timeout_s=20)
    assert [event["digit"] for event in edge.events(name="call.dtmf")] == ["?"] * len(KEYS)


@pytest.mark.parametrize(("user", "inband"), [("phone", 0), ("inband", len(PRESSED) + 1)])
def test_asterisk_reads_what_sipua_call_presses(
    asterisk: Asterisk, tmp_path: Path, user: str, inband: int
) -> None:
    block = PortBlock(40)
    first, last = block.range(20)
    config = {
        "sip": {"host": LOOPBACK},
        "rtp": {"port_min": first, "port_max": last},
        "accounts": [
            {
                "name": "pbx",
                "registrar": f"sip:{LOOPBACK}:{asterisk.port}",
                "user": user,
                "password": "asked-by-nobody",
            }
        ],
    }
    file = tmp_path / "call.toml"
    file.write_text(toml(config))
    file.chmod(0o600)
    called = subprocess.run(
        [
            *(sys.executable, "-m", "sipua", "call", f"sip:611@{LOOPBACK}:{asterisk.port}"),
            *("--config", file, "--account", "pbx", "--dtmf", f"{PRESSED}#"),
            *("--after", "0.5", "--seconds", "12", "--json"),
        ],
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    block.close()
    assert called.returncode == 0, called.stderr
    story = json.loads(called.stdout)
    assert story["ended_by"] == "peer", "without the # Asterisk would have gone on reading"
    assert story["media"]["keypad"] == {
        "sent": len(PRESSED) + 1,
        "sent_inband": inband,
        "overflow": 0,
    }
    wait_until(lambda: f"keys={PRESSED}\n" in asterisk.log, 20, "the keys in Asterisk's log")
