"""S25, S26: a baresip that signals by TLS and speaks by SRTP; neither is the one that we have
(25 s).
"""

from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from sipua.calls.steer.commands import HangUp
from support.calls.edge import Config
from support.calls.steered_edge import SteeredEdge
from support.certificates import Authority
from support.media import audio
from support.peers.baresip import Baresip
from support.peers.pbx import heard
from support.ports import LOOPBACK, PortBlock

pytestmark = pytest.mark.sound

GREETING = audio.read_wav(audio.GREETING, rate_hz=audio.PHONE_RATE_HZ)
SAID = audio.speech("short")
AFTER_GREETING = np.concatenate([audio.silence(len(GREETING) / 8 + 1500), SAID])
SUITES = {"AES_CM_128_HMAC_SHA1_80", "AES_CM_128_HMAC_SHA1_32"}


@dataclass(frozen=True, slots=True)
class Bed:
    home: Path
    authority: Authority
    port: int
    """Of the edge, for TLS."""

    def phone(self, said: audio.Pcm, srtp: str) -> Baresip:
        own = self.authority.issue("phone.test", file=f"phone{self.port}")
        tls = (own, self.authority.file)
        return Baresip(self.home / "phone", said, transport="tls", srtp=srtp, tls=tls)

    def edge(self, phone: Baresip) -> SteeredEdge:
        own = self.authority.issue("edge.test", file=f"edge{self.port}")
        files = {"certificate": own.certificate, "key": own.key, "ca_file": self.authority.file}
        proxy = phone.uri.replace("phone@", "")
        trunk = {"name": "phones", "hosts": [LOOPBACK], "proxy": proxy, "srtp": "require"}
        config: Config = {
            "sip": {"transports": ["udp", "tls"], "tls": {"port": self.port, **files}},
            "trunks": [trunk],
        }
        return SteeredEdge(self.home / "edge", config)


@pytest.fixture
def bed(tmp_path: Path) -> Iterator[Bed]:
    with PortBlock() as ports:
        yield Bed(tmp_path, Authority(tmp_path / "ca"), ports.port())


def encrypted(edge: SteeredEdge, call_id: str) -> None:
    suites = {one["srtp"] for one in edge.events(name="call.media", call_id=call_id)}
    assert len(suites) == 1
    assert suites <= SUITES


@pytest.mark.parametrize("srtp", ["srtp", "srtp-mand"])
def test_S26_a_phone_calls_by_tls_and_srtp(bed: Bed, srtp: str) -> None:
    with closing(bed.phone(AFTER_GREETING, srtp)) as phone, closing(bed.edge(phone)) as edge:
        phone.call(f"sip:agent@{LOOPBACK}:{bed.port}")
        phone.wait_talking()
        call_id = str(edge.wait_event("call.confirmed")["call_id"])
        edge.wait_event("turn.caller")
        edge.wait_event("turn.agent", count=2)
        phone.hang_up()
        ended = edge.wait_event("call.ended")
        assert (ended["end"]["by"], ended["end"]["sip"]["status"]) == ("caller", 200)
        assert heard(GREETING, phone.heard()) < 3000
        encrypted(edge, call_id)
        assert edge.events(name="tls.refused") == []


def test_S26_a_phone_is_called_by_tls_and_srtp(bed: Bed) -> None:
    silence = audio.silence(100)
    with closing(bed.phone(silence, "srtp-mand")) as phone, closing(bed.edge(phone)) as edge:
        call_id = str(edge.place(phone.uri, origin="phones")["id"])
        edge.wait_event("call.confirmed", call_id=call_id)
        phone.wait_talking()
        edge.wait_event("turn.agent", call_id=call_id)
        edge.steer(call_id, HangUp("enough"))
        phone.wait_ended()
        edge.wait_event("call.ended", call_id=call_id)
        heard(GREETING, phone.heard())
        encrypted(edge, call_id)
