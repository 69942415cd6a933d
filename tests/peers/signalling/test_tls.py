"""S25: whom an edge believes by TLS, in both directions, and what a handshake may cost it."""

import signal
import socket
import ssl
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest

from support.calls.edge import Config, Edge
from support.certificates import Authority, Issued
from support.peers.raw_caller import RawCaller
from support.peers.tls_peer import TlsClient, TlsLine, TlsServer, client_context
from support.ports import LOOPBACK, PortBlock
from support.signalling.dns_server import DnsServer

pytestmark = pytest.mark.peer

Edges = Callable[..., Edge]
CARRIER = "sbc.carrier.test"
BURST_S = 5.0
"""For 50 connections; 9 s when five wait and each other one tries again after a second."""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("certificates")


@pytest.fixture(scope="module")
def authority(folder: Path) -> Authority:
    return Authority(folder / "ours")


@pytest.fixture(scope="module")
def foreign(folder: Path) -> Authority:
    return Authority(folder / "theirs")


@pytest.fixture
def dns() -> Iterator[DnsServer]:
    server = DnsServer()
    yield server
    server.close()


@dataclass(frozen=True, slots=True)
class Bed:
    start: Edges
    authority: Authority
    own: Issued
    """The edge's."""
    port: int

    def issue(self, file: str, name: str = CARRIER, **when: tuple[float, float]) -> Issued:
        return self.authority.issue(name, file=f"{file}{self.port}", **when)

    def config(self, **keys: object) -> Config:
        own = {"port": self.port, "certificate": self.own.certificate, "key": self.own.key}
        tls = {**own, "client_ca_file": self.authority.file, **keys}
        return {
            "sip": {"accept": "trunks", "transports": ["udp", "tls"], "tls": tls},
            "trunks": [{"name": "carrier", "certificate_names": [CARRIER]}],
        }


@pytest.fixture
def bed(edge_factory: Edges, authority: Authority) -> Iterator[Bed]:
    with PortBlock() as ports:
        port = ports.port()
        yield Bed(edge_factory, authority, authority.issue("edge.test", file=f"edge{port}"), port)


def refused(edge: Edge, count: int = 1) -> str:
    return str(edge.wait_event("tls.refused", count=count)["cause"])


def test_S25_a_trunk_is_known_by_its_certificate_alone(bed: Bed) -> None:
    edge = bed.start(bed.config())
    good = client_context(bed.issue("good"))
    with TlsClient(bed.port, good) as trunk:
        assert trunk.options() == 200
        with TlsClient(bed.port, client_context()) as stranger:
            assert stranger.options() == 403
        other = bed.issue("other", "sbc.other.test")
        with TlsClient(bed.port, client_context(other)) as stranger:
            assert stranger.options() == 403
        assert trunk.options() == 200
    assert not edge.events(name="tls.refused"), "who shows a good certificate, or none, is no news"

    late = bed.issue("late", days=(-10, -1))
    with TlsClient(bed.port, client_context(late)) as stranger:
        assert stranger.options() == 403
    assert "expired" in refused(edge)


@pytest.mark.parametrize(
    ("needed", "version"),
    [("wanted", ssl.TLSVersion.TLSv1_2), ("required", ssl.TLSVersion.TLSv1_3)],
)
def test_S25_a_foreign_certificate_does_not_count_in_a_resumed_session_either(
    bed: Bed, foreign: Authority, version: ssl.TLSVersion, needed: str
) -> None:
    """pjsip says of a session that is resumed that its certificate is fine."""
    edge = bed.start(bed.config(client_certificates=needed))
    same = foreign.issue(CARRIER, file=f"foreign{bed.port}")
    context = client_context(same, version=version)
    status = 403 if needed == "wanted" else 0
    with TlsClient(bed.port, context) as stranger:
        assert stranger.options() == status
        session = stranger.session
    assert "issuer" in refused(edge)
    with TlsClient(bed.port, context, session=session) as stranger:
        assert stranger.options() == status
    good = client_context(bed.issue("good"), version=version)
    with TlsClient(bed.port, good) as trunk:
        assert trunk.options() == 200
        session = trunk.session
    with TlsClient(bed.port, good, session=session) as trunk:
        assert trunk.options() == 200


def test_S25_old_protocols_silence_and_rubbish_cost_a_handshake_at_most(bed: Bed) -> None:
    unbound = {"connections_per_source": 0, "stranger_rate": 0}
    edge = bed.start({**bed.config(client_certificates="required"), "admission": unbound})
    good = client_context(bed.issue("good"))
    there = (LOOPBACK, bed.port)
    with pytest.raises(ssl.SSLError):
        TlsClient(bed.port, client_context(version=ssl.TLSVersion.TLSv1_1))
    assert "protocol" in refused(edge)
    with ExitStack() as held:
        began = time.monotonic()
        lines = [held.enter_context(socket.create_connection(there, timeout=60)) for _ in range(50)]
        lines[0].sendall(b"\x16")
        assert time.monotonic() - began < BURST_S, "pjsip has room for five at once"
        with TlsClient(bed.port, client_context()) as stranger:
            assert stranger.options() == 0, "it has no certificate"
        with socket.create_connection(there, timeout=60) as line:
            line.sendall(b"INVITE sip:agent@127.0.0.1 SIP/2.0\r\n\r\n")
            while line.recv(1000):
                """An alert may come first."""
        with TlsClient(bed.port, good) as trunk:
            assert trunk.options() == 200
        assert lines[0].recv(1000) == b"", "it has begun a handshake, and no more"
    with TlsClient(bed.port, good) as trunk:
        assert trunk.options() == 200


def test_S25_a_renewed_certificate_is_used_without_an_end_of_connections(
    bed: Bed, foreign: Authority
) -> None:
    edge = bed.start(bed.config())
    good = client_context(bed.issue("good"))
    with TlsClient(bed.port, good) as before:
        assert before.options() == 200
        renewed = bed.issue("renewed", "edge.test", days=(-1, 5))
        bed.own.replace_by(renewed)
        edge.process.send(signal.SIGHUP)
        told = edge.wait_event("tls.certificate", count=2)
        assert told["anew"]
        assert 4 < told["days_left"] <= 5
        assert edge.wait_event("tls.certificate_expires")["days_left"] == told["days_left"]
        with TlsClient(bed.port, good) as after:
            assert after.shown != before.shown
            assert after.shown == ssl.PEM_cert_to_DER_cert(renewed.certificate.read_text())
            assert (after.options(), before.options()) == (200, 200)

        bed.own.key.write_bytes(
            foreign.issue("edge.test", file=f"wrong{bed.port}").key.read_bytes()
        )
        edge.process.send(signal.SIGHUP)
        problem = edge.wait_event("config.refused")["problems"][0]
        assert problem["key"] == "sip.tls.key"
        assert "does not belong to the certificate" in problem["problem"]
        with TlsClient(bed.port, good) as after:
            assert after.options() == before.options() == 200


def test_S25_servers_are_believed_by_authority_name_and_time(
    bed: Bed, foreign: Authority, dns: DnsServer
) -> None:
    """OPTIONS to six servers: those get it whose certificate is for what the configuration has,
    which is a name in the last two (RFC 5922: not the one to which SRV leads)."""
    certificates = {
        "good": bed.issue("pbx", "pbx.test"),
        "expired": bed.issue("old", "pbx.test", days=(-10, -1)),
        "foreign": foreign.issue("pbx.test", file=f"pbx{bed.port}"),
        "misnamed": bed.authority.issue("pbx.test", "DNS:pbx.test", file=f"name{bed.port}"),
        "named": bed.authority.issue("sip.test", "DNS:sip.test", file=f"sip{bed.port}"),
        "of-srv": bed.authority.issue("a.test", "DNS:a.test", file=f"srv{bed.port}"),
    }
    with ExitStack() as held:
        servers = {
            name: held.enter_context(TlsServer(one, bed.authority.file if name == "good" else None))
            for name, one in certificates.items()
        }
        dns.set("_sips._tcp.sip.test", "SRV", f"0 0 {servers['named'].port} a.test.")
        dns.set("_sips._tcp.pbx.test", "SRV", f"0 0 {servers['of-srv'].port} a.test.")
        dns.set("a.test", "A", LOOPBACK)
        there = {
            name: f"sip:{LOOPBACK}:{server.port};transport=tls" for name, server in servers.items()
        }
        there |= {"good": f"sips:{LOOPBACK}:{servers['good'].port}"}
        there |= {"named": "sip:sip.test;transport=tls", "of-srv": "sip:pbx.test;transport=tls"}
        tls = {"port": bed.port, "certificate": bed.own.certificate, "key": bed.own.key}
        sip = {"transports": ["udp", "tls"], "nameservers": [dns.address]}
        edge = bed.start(
            {
                "sip": {**sip, "tls": {**tls, "ca_file": bed.authority.file}},
                "trunks": [
                    {"name": name, "proxy": uri, "options_s": 1} for name, uri in there.items()
                ],
            }
        )
        edge.wait_event("trunk.up", count=2)
        edge.wait_event("trunk.down", count=4)
        up = {event["trunk"] for event in edge.events(name="trunk.up")}
        down = {event["trunk"] for event in edge.events(name="trunk.down")}
        assert (up, down) == ({"good", "named"}, {"expired", "foreign", "misnamed", "of-srv"})
        assert {name for name, server in servers.items() if server.asked.is_set()} == up
        assert all(event["outgoing"] for event in edge.events(name="tls.refused"))


def test_S25_each_trunk_has_keys_of_its_own(bed: Bed, foreign: Authority, dns: DnsServer) -> None:
    """Both servers want a certificate of their own authority, and have one of it."""
    certificates = {name: (bed.authority, foreign)[name == "b"] for name in ("a", "b")}
    with ExitStack() as held:
        servers = {
            name: held.enter_context(
                TlsServer(one.issue(f"{name}.test", file=f"{name}{bed.port}"), one.file)
            )
            for name, one in certificates.items()
        }
        trunks: list[dict[str, object]] = []
        for name, server in servers.items():
            dns.set(f"{name}.test", "A", LOOPBACK)
            uri = f"sip:{name}.test:{server.port};transport=tls"
            trunks.append({"name": name, "proxy": uri, "options_s": 1})
        tls = {"port": bed.port, "certificate": bed.own.certificate, "key": bed.own.key}
        config: dict[str, object] = {
            "sip": {
                "transports": ["udp", "tls"],
                "nameservers": [dns.address],
                "tls": {**tls, "ca_file": bed.authority.file},
            },
            "trunks": trunks,
        }
        edge = bed.start(config)
        assert edge.wait_event("trunk.up")["trunk"] == "a"
        assert edge.wait_event("trunk.down")["trunk"] == "b"
        own = foreign.issue("edge.test", file=f"own{bed.port}")
        keys = {"tls_certificate": own.certificate, "tls_key": own.key}
        trunks[1] |= {**keys, "tls_ca_file": foreign.file}
        edge.write(config)
        edge.process.send(signal.SIGHUP)
        assert edge.wait_event("trunk.up", count=2)["trunk"] == "b"
        own.key.write_bytes(bed.own.key.read_bytes())
        edge.process.send(signal.SIGHUP)
        problem = edge.wait_event("config.refused")["problems"][0]
        assert problem["key"] == "trunks[1].tls_key"


def test_S11_a_call_by_certificate_is_ended_by_certificate(bed: Bed) -> None:
    """No address helps there, not even the caller's; another connection does, with it."""
    edge = bed.start(bed.config())
    good = client_context(bed.issue("good"))
    remote = LOOPBACK, bed.port
    with (
        TlsClient(bed.port, good) as trunk,
        TlsClient(bed.port, client_context()) as nameless,
        TlsClient(bed.port, good) as again,
        RawCaller(remote, udp=TlsLine(trunk)) as caller,
    ):
        caller.invite()
        assert caller.final("INVITE").status == 200
        caller.ack()
        edge.wait_event("call.confirmed")
        with caller.twin(remote=edge.address) as by_udp:
            by_udp.within("BYE", 20)
            assert by_udp.final("BYE").status == 481
        with caller.twin(udp=TlsLine(nameless)) as by_tls:
            by_tls.within("BYE", 21)
            assert by_tls.final("BYE").status == 481
        edge.wait_event("call.request_refused")
        assert edge.events(name="call.ended") == []
        with caller.twin(udp=TlsLine(again)) as by_another:
            by_another.within("BYE", 22)
            assert by_another.final("BYE").status == 200
    edge.wait_event("call.ended")
