"""Calls whose keys come from a handshake on the RTP port, with a real Asterisk (25 s)."""

from contextlib import closing
from pathlib import Path

import pytest

from sipua.calls.steer.commands import Hold, Transfer
from support.calls.steered_edge import SteeredEdge
from support.media import audio
from support.peers.asterisk import Asterisk
from support.peers.asterisk_config import SPEECH
from support.peers.pbx import GREETING, heard

pytestmark = pytest.mark.sound

SPOKEN = audio.speech(SPEECH)
SUITES = {"AES_CM_128_HMAC_SHA1_80", "AEAD_AES_128_GCM", "AEAD_AES_256_GCM"}


def judge(asterisk: Asterisk) -> None:
    recording = asterisk.wait_recording(30)
    received = audio.read_wav(recording.received, rate_hz=8000)
    heard(GREETING, received)
    heard(SPOKEN, received)


@pytest.mark.parametrize("endpoint", ["dtls", "dtls-mux"])
def test_S26_the_keys_of_a_handshake_in_both_directions(
    asterisk: Asterisk, tmp_path: Path, endpoint: str
) -> None:
    trunk = {
        "name": "pbx",
        "hosts": ["127.0.0.1"],
        "proxy": f"sip:127.0.0.1:{asterisk.port};transport=udp",
        "user": endpoint,
        "srtp": "require",
        "srtp_keys": "dtls",
    }
    config = {"trunks": [trunk], "log": {"level": "debug", "sip": True}}
    with closing(SteeredEdge(tmp_path / "edge", config)) as edge:
        asterisk.originate(f"PJSIP/{endpoint}/sip:agent@127.0.0.1:{edge.port}", "60257")
        placed = str(edge.place(f"sip:60257@127.0.0.1:{asterisk.port}", origin="pbx")["id"])
        edge.wait_event("call.confirmed", call_id=placed)
        assert edge.steer(placed, Hold(True))["status"] == "done"
        assert edge.steer(placed, Hold(False))["status"] == "done"
        edge.wait_event("call.ended", count=2)
        for ended in edge.events(name="call.ended"):
            assert ended["transport"]["srtp"] in SUITES
            assert ended["rtp"]["rtcp"]["received"] > 0, (ended["rtp"], ended["transport"])
            assert ended["rtp"]["dropped"] == {}, ended["rtp"]
        judge(asterisk)
        judge(asterisk)
        assert {media["srtp"] for media in edge.events(name="call.media")} == {"DTLS"}
    (offer,) = asterisk.sip_messages("INVITE sip:60257@", sent=False)[:1]
    assert "UDP/TLS/RTP/SAVP 0" in offer


def secured(endpoint: str) -> dict[str, str]:
    """How a trunk of ours is to be for the calls of this endpoint of Asterisk's."""
    keys = {"srtp": "sdes", "dtls": "dtls"}
    return {"srtp": "require", "srtp_keys": keys[endpoint]} if endpoint in keys else {}


@pytest.mark.parametrize(("first", "second"), [("srtp", "trunk"), ("trunk", "dtls")])
def test_S26_each_leg_has_keys_of_its_own_or_none(
    asterisk: Asterisk, tmp_path: Path, first: str, second: str
) -> None:
    """A call is put through: both sides speak, and hear each other."""
    proxy = f"sip:127.0.0.1:{asterisk.port};transport=udp"
    out = {"name": "out", "proxy": proxy, "user": second, **secured(second)}
    config = {
        "trunks": [{"name": "in", "hosts": ["127.0.0.1"], **secured(first)}, out],
        "agent": {"greeting": False},
        "tools": {"transfer": {"mode": "dial", "account": "out", "settle_s": 1}},
    }
    with closing(SteeredEdge(tmp_path / "edge", config)) as edge:
        asterisk.originate(f"PJSIP/{first}/sip:agent@127.0.0.1:{edge.port}", "60297")
        call = str(edge.wait_event("call.confirmed")["call_id"])
        target = f"sip:60237@127.0.0.1:{asterisk.port}"
        assert edge.steer(call, Transfer(target, wait=True))["status"] == "done"
        ended = edge.wait_event("call.ended", call_id=call)
        leg = edge.wait_event("call.leg_ended", call_id=call)
        assert bool(ended["transport"]["srtp"]) is (first != "trunk")
        assert ended["rtp"]["dropped"] == {}
        assert leg["sent"] > 100
        for _ in range(2):
            heard(SPOKEN, audio.read_wav(asterisk.wait_recording(30).received, rate_hz=8000))
