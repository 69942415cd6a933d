"""S18: connections that dribble, say nothing, or come in thousands; a call goes on, and those that
may call get in. H3: no descriptors.
"""

from __future__ import annotations

import resource
import socket
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass

import pytest

from support.calls.edge import Edge
from support.certificates import Authority
from support.footprint import nothing_kept, settled
from support.media import audio
from support.media.rtp_far_end import RtpFarEnd
from support.peers.asterisk import Asterisk
from support.peers.crowd import Crowd, dribble
from support.peers.sipp import Sipp
from support.peers.tls_peer import TlsClient, client_context
from support.ports import LOOPBACK, PortBlock
from support.process import wait_until
from support.signalling.torture.draft import Draft

pytestmark = pytest.mark.peer

Edges = Callable[..., Edge]

STRANGER = "127.0.0.8"
OTHERS = [f"127.0.9.{number}" for number in range(1, 13)]
CARRIER = "sbc.carrier.test"
HELLO = b"\x16\x03\x01"
"""The begin of a handshake, and no more."""
CALL_MS = 12_000
FLOOD = 2_000
PER_SOURCE = 32
"""The default."""


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("certificates") / "ca")


@dataclass(frozen=True, slots=True)
class Bed:
    edges: Edges
    authority: Authority
    tls: tuple[str, int]
    """Where the edge listens by TLS."""

    def start(self, **admission: object) -> Edge:
        """It has a trunk that is known by its address, and one by its certificate."""
        own = self.authority.issue("edge.test", file=f"edge{self.tls[1]}")
        tls = {"port": self.tls[1], "certificate": own.certificate, "key": own.key}
        return self.edges(
            {
                "sip": {
                    "accept": "trunks",
                    "transports": ["udp", "tcp", "tls"],
                    "tls": {**tls, "client_ca_file": self.authority.file},
                },
                "admission": admission,
                "trunks": [
                    {"name": "carrier", "hosts": [LOOPBACK]},
                    {"name": "certified", "certificate_names": [CARRIER]},
                ],
                "calls": {"answer": "at_once"},
            }
        )


@pytest.fixture
def bed(edge_factory: Edges, authority: Authority) -> Iterator[Bed]:
    with PortBlock() as ports:
        yield Bed(edge_factory, authority, (LOOPBACK, ports.port()))


def options(line: socket.socket, edge: Edge, number: int = 0) -> int:
    """The status of the answer to one by TCP."""
    line.setblocking(True)
    line.settimeout(20)
    me = "{}:{}".format(*line.getsockname())
    draft = Draft(me, "{}:{}".format(*edge.address), "TCP", f"o{number}", method="OPTIONS")
    line.sendall(draft.written())
    return int(line.recv(65535).split(b" ", 2)[1])


def refused(edge: Edge) -> Counter[str]:
    counts: Counter[str] = Counter()
    for one in edge.events(name="sip.connections_refused"):
        counts.update(one["counts"])
    return counts


def few(most: int, *crowds: Crowd) -> None:
    wait_until(
        lambda: sum(len(one.left()) for one in crowds) <= most, 20, f"{most} connections at most"
    )


def test_S18_silence_half_requests_and_idle_strangers_end_in_time(bed: Bed) -> None:
    edge = bed.start(first_request_s=2, idle_s=4)
    with (
        Crowd(edge.address) as crowd,
        Crowd(bed.tls) as by_tls,
        socket.create_connection(edge.address) as carrier,
    ):
        assert options(carrier, edge) == 200
        before = settled(edge.process.pid)
        (silent,) = crowd.come(1, STRANGER)
        (half,) = crowd.come(1, STRANGER, says=b"OPTIONS sip:agent@127.0.0.1 SIP/2.0\r\nVia: ")
        (asked,) = crowd.come(1, STRANGER)
        assert options(asked, edge) == 403
        asked.setblocking(False)
        asked.send(b"OPTIONS sip:agent@127.0.0.1 SIP/2.0\r\n")
        (slow,) = crowd.come(1, STRANGER)
        by_tls.come(1, STRANGER, says=HELLO)
        dribble(slow, b"x" * 200, 0.2, over=lambda: not {silent, half} & set(crowd.left()))
        few(0, crowd, by_tls)
        wait_until(
            lambda: refused(edge) == {"first_request": 4, "idle": 1}, 25, "the sum of what was cut"
        )
        nothing_kept(edge.process.pid, before)
        assert options(carrier, edge, 1) == 200, "a trunk may be idle"


def test_S18_two_thousand_connections_beside_a_call_and_a_pbx_gets_in(
    bed: Bed,
    sipp: Sipp,
    far_end: Callable[..., RtpFarEnd],
    asterisk: Asterisk,
) -> None:
    edge = bed.start()
    by_tcp = f"PJSIP/trunk/sip:agent@{LOOPBACK}:{edge.port}\\;transport=tcp"
    asterisk.originate(by_tcp, "60811")
    edge.wait_event("call.ended")
    before = settled(edge.process.pid)
    media = far_end(1, audio.silence(CALL_MS))
    beside = sipp.start("uac_call", edge.address, media=media, pause_ms=CALL_MS)
    edge.wait_event("call.confirmed", count=2)
    with Crowd(edge.address) as crowd, Crowd(bed.tls) as by_tls:
        crowd.come(FLOOD, STRANGER)
        by_tls.come(FLOOD // 2, STRANGER, says=HELLO)
        for _ in range(10):
            crowd.reset(crowd.come(50, STRANGER))
        few(PER_SOURCE, crowd, by_tls)
        asterisk.originate(by_tcp, "60811")
        edge.wait_event("call.confirmed", count=3)
        assert edge.wait_event("call.ended", count=2)["end"]["sip"]["status"] == 200
        assert beside.wait().ok
    (stream,) = media.finish()
    assert stream.lost == 0
    nothing_kept(edge.process.pid, before)
    assert set(refused(edge)) <= {"per_source", "rate", "first_request"}


def test_S18_strangers_from_many_sources_keep_no_trunk_out(bed: Bed) -> None:
    """Their room is full, and stays so: one that is known by its certificate is a stranger until
    its first request; one that is known by its address has room of its own."""
    edge = bed.start(connections=100, stranger_rate=0, strangers_rate=0)
    certified = client_context(bed.authority.issue(CARRIER, file=f"carrier{bed.tls[1]}"))
    with Crowd(edge.address) as crowd, Crowd(bed.tls) as by_tls:
        for host in OTHERS:
            crowd.come(20, host)
            by_tls.come(5, host, says=HELLO)
        trunk = TlsClient(bed.tls[1], certified, host=STRANGER)
        with trunk, socket.create_connection(edge.address) as carrier:
            assert trunk.options() == 200
            assert options(carrier, edge) == 200
            for host in OTHERS:
                crowd.come(20, host)
            assert trunk.options() == 200
            assert options(carrier, edge, 1) == 200
        few(100, crowd, by_tls)
        assert refused(edge)["connections"] > 0


def test_H3_without_descriptors_connections_wait_and_are_taken_afterwards(
    edge_factory: Edges,
) -> None:
    """pjsip tries to accept fifty times within a moment, and never again."""
    edge = edge_factory({"sip": {"transports": ["udp", "tcp"]}})
    pid = edge.process.pid
    with socket.create_connection(edge.address) as early:
        assert options(early, edge) == 200
        before = resource.prlimit(pid, resource.RLIMIT_NOFILE)
        resource.prlimit(pid, resource.RLIMIT_NOFILE, (3, before[1]))
        try:
            with ExitStack() as held:
                late = [
                    held.enter_context(socket.create_connection(edge.address)) for _ in range(3)
                ]
                for number in range(1, 101):  # each is a poll at least
                    assert options(early, edge, number) == 200
                resource.prlimit(pid, resource.RLIMIT_NOFILE, before)
                for number, line in enumerate(late, 200):
                    assert options(line, edge, number) == 200
        finally:
            resource.prlimit(pid, resource.RLIMIT_NOFILE, before)
