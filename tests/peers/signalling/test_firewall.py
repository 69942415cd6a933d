"""S16, S18: the examples for fail2ban and nftables, with the real programs."""

from __future__ import annotations

import contextlib
import itertools
import json
import os
import socket
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from sipua.log.console import Console
from support.calls.edge import Edge
from support.peers.installation import installation
from support.peers.netns import Host, Network, why_impossible
from support.peers.raw_caller import RawCaller
from support.ports import LOOPBACK
from support.signalling.torture.draft import Draft

pytestmark = pytest.mark.peer

CONFIGS = Path(__file__).parents[3] / "configs"
STRANGER, SCANNER, VICTIM = "127.0.0.8", "127.0.0.9", "203.0.113.77"
FORGED = {
    "From": f'"x\\" origin=y source={VICTIM}:5060 " <sip:a@127.0.0.1>;tag=1',
    "To": f"<sip:source={VICTIM}:1@127.0.0.1>",
    "Call-ID": f'x"source":"{VICTIM}:5060"@source={VICTIM}:5060',
    "User-Agent": f"source={VICTIM}:5060",
}
EDGE, TRUNK, FLOODER = "203.0.113.1", "203.0.113.2", "203.0.113.9"
FLOOD = 2_000
COMPACT: dict[str, Any] = {"separators": (",", ":"), "ensure_ascii": False}


def banned(log: Path) -> set[str]:
    """Whom fail2ban would ban for one line each."""
    where = installation("fail2ban")
    command = (where / "fail2ban", where / "usr/bin/fail2ban-regex", "-o", "<ip>", log)
    modules = where / "usr/lib/python3/dist-packages"
    home = {"PYTHONHOME": str(where / "usr"), "PYTHONPATH": str(modules)}
    done = subprocess.run(
        [*command, CONFIGS / "fail2ban/filter.d/sipua.conf"],
        env={**os.environ, **home},
        capture_output=True,
        text=True,
        check=False,
    )
    assert not done.returncode, done.stderr + done.stdout
    return set(done.stdout.split())


@pytest.mark.parametrize("form", ["json", "console"])
def test_S16_fail2ban_finds_strangers_and_none_whom_they_name(
    edge_factory: Callable[..., Edge], tmp_path: Path, form: str
) -> None:
    edge = edge_factory(
        {
            "sip": {"accept": "trunks", "max_calls": 1},
            "trunks": [{"name": "carrier", "hosts": [LOOPBACK], "allowed_numbers": ["1"]}],
        }
    )
    with RawCaller(edge.address) as carrier:
        carrier.invite()
        assert carrier.final("INVITE").status == 404, "no number of the trunk"
    with RawCaller(edge.address, host=STRANGER, says=FORGED) as caller:
        caller.invite()
        assert caller.final("INVITE").status == 403
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as scanner:
        scanner.bind((SCANNER, 0))
        draft = Draft(f"{SCANNER}:5060", "edge", "UDP", "scan")
        draft.lines["User-Agent"] = "User-Agent: friendly-scanner"
        scanner.sendto(draft.written(), edge.address)
        edge.wait_event("sip.dropped")
    edge.wait_event("call.rejected", count=2)
    assert VICTIM in edge.log
    lines = edge.log + "".join(spared(edge))
    log = tmp_path / "sipua.log"
    log.write_text(lines if form == "json" else as_text(lines))
    assert banned(log) == {STRANGER, SCANNER}
    journal = "".join(f"edge.example sipua[812]: {line}\n" for line in log.read_text().splitlines())
    log.write_text(journal)
    if form == "json":  # a line of the journal has its time from there
        assert banned(log) == {STRANGER, SCANNER}


def spared(edge: Edge) -> Iterator[str]:
    """Lines of 403 to a phone of ours, and to any address while a trunk's name is not resolved."""
    (line,) = (event for event in edge.events(name="call.rejected") if event["status"] == 403)
    yield json.dumps({**line, "source": "127.0.0.10:5060", "origin": "office"}, **COMPACT) + "\n"
    why = {"cause": "not resolved yet: carrier"}
    yield json.dumps({**line, "source": "127.0.0.11:5060", **why}, **COMPACT) + "\n"


def as_text(lines: str) -> str:
    """The same lines as `log.format = "console"` has them."""
    console = Console(colour=False)
    return "".join(console(None, "", json.loads(line)) + "\n" for line in lines.splitlines())


@pytest.fixture
def network() -> Iterator[Network]:
    if why := why_impossible():
        pytest.skip(f"network namespaces: {why}")
    with Network() as made:
        yield made


def options(udp: socket.socket, number: int) -> None:
    me = "{}:{}".format(*udp.getsockname())
    draft = Draft(me, f"{EDGE}:5060", "UDP", f"o{number}", method="OPTIONS")
    with contextlib.suppress(OSError):  # its queue is full
        udp.sendto(draft.written(), (EDGE, 5060))


def answers(udp: socket.socket) -> list[int]:
    found = []
    while True:
        try:
            found.append(int(udp.recv(65535).split(b" ", 2)[1]))
        except (BlockingIOError, TimeoutError):
            return found


def test_S16_nftables_drops_a_flood_and_a_trunk_gets_in(network: Network, tmp_path: Path) -> None:
    hosts: dict[str, Host] = {
        name: network.host(name, f"{name}/24") for name in (EDGE, TRUNK, FLOODER)
    }
    rules = CONFIGS / "nftables/sipua.nft"
    hosts[EDGE].run("nft", "-c", "-f", str(rules))
    hosts[EDGE].run("nft", "-f", str(rules))
    hosts[EDGE].run("nft", "add", "element", "inet", "sipua", "trunks", f"{{ {TRUNK} }}")
    config = {
        "sip": {"host": EDGE, "port": 5060, "accept": "trunks"},
        "trunks": [{"name": "carrier", "hosts": [TRUNK]}],
        "admission": {"stranger_rate": 0, "strangers_rate": 0},
    }
    edge = Edge(tmp_path / "edge", config, inside=hosts[EDGE].command)
    numbers = itertools.count()
    try:
        with (
            hosts[TRUNK].udp((TRUNK, 5060)) as trunk,
            hosts[FLOODER].udp((FLOODER, 5060)) as flooder,
        ):
            trunk.settimeout(20)
            flooder.setblocking(False)
            for _ in range(FLOOD):
                options(flooder, next(numbers))
            heard = set()
            for _ in range(150):  # more than a stranger may
                options(trunk, next(numbers))
                heard.add(int(trunk.recv(65535).split(b" ", 2)[1]))
            assert heard == {200}
            refused = answers(flooder)
            assert 50 <= len(refused) <= 150
            assert set(refused) == {403}
            options(flooder, next(numbers))
            flooder.settimeout(1)
            assert answers(flooder) == [], "it is dropped for ten minutes"
    finally:
        edge.close()
