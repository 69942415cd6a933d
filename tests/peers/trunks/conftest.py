from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from support.calls.steered_edge import SteeredEdge
from support.ports import LOOPBACK
from support.signalling.udp_switch import UdpSwitch

TrunkEdge = Callable[..., SteeredEdge]


@pytest.fixture
def trunk_edge(tmp_path: Path) -> Iterator[TrunkEdge]:
    """An edge with the trunk `carrier`, whose servers are these."""
    started: list[SteeredEdge] = []

    def start(
        *servers: str | dict[str, Any], config: dict[str, Any] | None = None, **keys: Any
    ) -> SteeredEdge:
        tables = [one if isinstance(one, dict) else {"uri": f"sip:{one}"} for one in servers]
        trunk = {"name": "carrier", "hosts": ["192.0.2.1"], "servers": tables, **keys}
        more = config or {}
        sip = {"transports": ["udp", "tcp"], **more.get("sip", {})}
        agent = {"agent": {"greeting": False}}
        started.append(
            SteeredEdge(
                tmp_path / f"edge-{len(started)}",
                {**agent, **more, "sip": sip, "trunks": [trunk]},
            )
        )
        return started[-1]

    yield start
    for edge in started:
        edge.close()


@pytest.fixture
def switch() -> Iterator[Callable[[int], UdpSwitch]]:
    made: list[UdpSwitch] = []

    def make(server_port: int) -> UdpSwitch:
        made.append(UdpSwitch(server_port))
        return made[-1]

    yield make
    for one in made:
        one.close()


@pytest.fixture
def silent(switch: Callable[[int], UdpSwitch]) -> str:
    """The address of a server that hears all and says nothing."""
    off = switch(9)
    off.on = False
    return f"{LOOPBACK}:{off.port}"
