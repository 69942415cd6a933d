"""SIP over TLS between the edge and a real Asterisk, which checks our certificate; with SRTP."""

from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import pytest

from sipua.calls.steer.commands import HangUp
from support.calls.edge import Config
from support.calls.steered_edge import SteeredEdge
from support.certificates import Authority
from support.media import audio
from support.peers.asterisk import Asterisk
from support.peers.pbx import GREETING, account, heard
from support.peers.tls_peer import Line
from support.ports import LOOPBACK, PortBlock
from support.process import wait_until

pytestmark = pytest.mark.peer

SUITE = "AES_CM_128_HMAC_SHA1_80"


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    return Authority(tmp_path_factory.mktemp("certificates") / "ca")


@pytest.fixture(scope="module")
def pbx(
    request: pytest.FixtureRequest,
    authority: Authority,
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Asterisk]:
    home = tmp_path_factory.mktemp("asterisk")
    own = authority.issue("pbx.test", file=request.param)
    pbx = Asterisk(home, request.param, tls=(own, authority.file))
    yield pbx
    pbx.stop()


@dataclass(frozen=True, slots=True)
class Bed:
    pbx: Asterisk
    authority: Authority
    home: Path
    port: int

    @property
    def pbx_port(self) -> int:
        assert self.pbx.layout.tls is not None
        return self.pbx.layout.tls.port

    def trunk(self) -> SteeredEdge:
        """Of calls by TLS and SRTP alone: those of Asterisk's endpoint `srtp`."""
        own = self.authority.issue("edge.test", file=f"edge{self.port}")
        files = {"certificate": own.certificate, "key": own.key, "ca_file": self.authority.file}
        proxy = f"sip:{LOOPBACK}:{self.pbx_port};transport=tls"
        trunk = {"name": "pbx", "hosts": [LOOPBACK], "proxy": proxy, "user": "srtp"}
        config: Config = {
            "sip": {"transports": ["udp", "tls"], "tls": {"port": self.port, **files}},
            "trunks": [{**trunk, "srtp": "require"}],
        }
        return SteeredEdge(self.home / "edge", config)

    def edge(self, registrar_port: int = 0, *, listens: bool = True, **keys: object) -> SteeredEdge:
        """Where it does not listen, it believes Asterisk by keys of the account alone."""
        own = self.authority.issue("edge.test", file=f"edge{self.port}")
        files: dict[str, object] = {}
        if listens:
            files |= {"certificate": own.certificate, "key": own.key}
            files |= {"ca_file": self.authority.file}
        else:
            keys |= {"tls_certificate": own.certificate, "tls_key": own.key}
            keys |= {"tls_ca_file": self.authority.file}
        server = f"sip:{LOOPBACK}:{registrar_port or self.pbx_port};transport=tls"
        config: Config = {
            "sip": {"transports": ["udp", "tls"], "tls": {"port": self.port, **files}},
            "agent": {"greeting": False},
            "accounts": [account(self.pbx, registrar=server, **keys)],
        }
        return SteeredEdge(self.home / "edge", config)


@pytest.fixture
def bed(pbx: Asterisk, authority: Authority, tmp_path: Path) -> Iterator[Bed]:
    pbx.reset()
    with PortBlock() as ports:
        yield Bed(pbx, authority, tmp_path, ports.port())


@pytest.mark.parametrize("pbx", ["asterisk", "asterisk16"], indirect=True, scope="module")
def test_S25_registered_by_tls_called_and_calling(bed: Bed) -> None:
    """Both directions, each by a connection that its caller makes and checks."""
    with closing(bed.edge()) as edge:
        edge.wait_event("registration.ok")
        assert edge.wait_event("tls.certificate")["names"] == ["edge.test", LOOPBACK]
        contact = bed.pbx.wait_contact().uri
        assert f"{LOOPBACK}:{bed.port}" in contact
        assert "transport=tls" in contact.lower()

        bed.pbx.originate("PJSIP/sipua", "6081")
        ended = edge.wait_event("call.ended")
        assert (ended["end"]["by"], ended["end"]["sip"]["status"]) == ("caller", 200)

        target = f"sip:600@{LOOPBACK}:{bed.pbx_port};transport=tls"
        call_id = str(edge.place(target, origin="sipua")["id"])
        edge.wait_event("call.confirmed", call_id=call_id)
        edge.steer(call_id, HangUp("enough"))
        edge.wait_event("call.ended", call_id=call_id)
        bed.pbx.wait_idle()
    invite = bed.pbx.sip_messages("INVITE sip:600@", sent=False)[-1]
    assert "Via: SIP/2.0/TLS" in invite


@pytest.mark.sound
@pytest.mark.parametrize("pbx", ["asterisk", "asterisk16"], indirect=True, scope="module")
def test_S26_keys_and_audio_are_both_encrypted_in_both_directions(bed: Bed) -> None:
    with closing(bed.trunk()) as edge:
        there = f"PJSIP/srtp/sip:agent@{LOOPBACK}:{bed.port}\\;transport=tls"
        bed.pbx.originate(there, "60257")
        target = f"sip:60257@{LOOPBACK}:{bed.pbx_port};transport=tls"
        edge.place(target, origin="pbx")
        edge.wait_event("call.ended", count=2, timeout_s=60)
        assert {media["srtp"] for media in edge.events(name="call.media")} == {SUITE}
        for ended in edge.events(name="call.ended"):
            assert ended["transport"]["srtp"] == SUITE
            assert ended["rtp"]["dropped"] == {}
    for _ in range(2):
        received = audio.read_wav(bed.pbx.wait_recording(30).received, rate_hz=8000)
        heard(GREETING, received)
    (offer,) = bed.pbx.sip_messages("INVITE sip:60257@", sent=False)
    assert "Via: SIP/2.0/TLS" in offer
    assert "RTP/SAVP 0" in offer


@pytest.mark.parametrize("pbx", ["asterisk"], indirect=True, scope="module")
def test_S25_a_call_survives_its_connection(bed: Bed) -> None:
    """Both sides make another one: for a BYE of the edge, and for one of Asterisk."""
    with closing(bed.edge()) as edge:
        edge.wait_event("registration.ok")
        with Line(bed.port) as line:
            there = f"PJSIP/trunk/sip:one@{LOOPBACK}:{line.port}\\;transport=tls"
            bed.pbx.originate(there, "600")
            call_id = str(edge.wait_event("call.confirmed")["call_id"])
            line.cut()
            edge.steer(call_id, HangUp("enough"))
            edge.wait_event("call.ended", call_id=call_id)
            bed.pbx.wait_idle()
        with Line(bed.port) as line:
            there = f"PJSIP/trunk/sip:one@{LOOPBACK}:{line.port}\\;transport=tls"
            bed.pbx.originate(there, "600")
            call_id = str(edge.wait_event("call.confirmed", count=2)["call_id"])
            line.cut()
            bed.pbx.cli("channel request hangup all")
            ended = edge.wait_event("call.ended", call_id=call_id)
            assert ended["end"]["by"] == "caller"


@pytest.mark.parametrize("pbx", ["asterisk"], indirect=True, scope="module")
def test_S25_a_registration_by_tls_connects_again(bed: Bed) -> None:
    """Of an edge that does not listen: Asterisk calls it by the connection that there is now."""
    with (
        Line(bed.pbx_port) as line,
        closing(bed.edge(line.port, listens=False, refresh_s=5)) as edge,
    ):
        edge.wait_event("registration.ok")
        first = bed.pbx.wait_contact()
        bed.pbx.originate("PJSIP/sipua", "6081")
        edge.wait_event("call.ended")
        bed.pbx.wait_idle()
        line.cut()
        bed.pbx.cli("database deltree registrar")
        edge.wait_event("registration.failed")
        line.mend()

        def moved() -> bool:
            return any(one.uri != first.uri for one in bed.pbx.contacts("sipua"))

        wait_until(moved, 60, "a contact of the new connection")
        bed.pbx.originate("PJSIP/sipua", "6081")
        ended = edge.wait_event("call.ended", count=2)
        assert (ended["end"]["by"], ended["end"]["sip"]["status"]) == ("caller", 200)
