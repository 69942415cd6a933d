"""An edge with two interfaces and no NAT: each side is told the address that leads to it."""

from pathlib import Path

import pytest

from support.calls.edge import Edge
from support.peers.netns import Network, why_impossible
from support.peers.talk import Talk

pytestmark = [pytest.mark.peer, pytest.mark.timeout(120)]

LEFT, RIGHT = "203.0.113.1", "198.51.100.1"


def test_each_side_is_told_the_address_of_its_interface(tmp_path: Path) -> None:
    if reason := why_impossible():
        pytest.skip(f"no network namespaces here: {reason}")
    with Network() as network:
        host = network.host("edge", f"{LEFT}/24", f"{RIGHT}/24")
        left = network.host("left", "203.0.113.20/24")
        right = network.host("right", "198.51.100.20/24")
        edge = Edge(
            tmp_path,
            {"sip": {"host": "0.0.0.0"}, "edge": {"workers": 1}},
            inside=host.command,
        )
        try:
            for caller, own, address in (
                (left, "203.0.113.20", LEFT),
                (right, "198.51.100.20", RIGHT),
            ):
                talk = Talk(caller, own, (address, edge.port))
                assert talk.told == (address, address)
                assert talk.hear()[0] == address
                talk.end(edge)
        finally:
            edge.close()
