"""Encrypted calls between the edge and a real Asterisk, in both directions (15 s)."""

from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from support.calls.steered_edge import SteeredEdge
from support.media import audio
from support.peers.asterisk import Asterisk
from support.peers.asterisk_config import SPEECH
from support.peers.pbx import GREETING, heard

pytestmark = pytest.mark.sound

SPOKEN = audio.speech(SPEECH)
SUITE = "AES_CM_128_HMAC_SHA1_80"


def trunk(asterisk: Asterisk, srtp: str, user: str) -> dict[str, Any]:
    """Its calls to Asterisk are those of the endpoint of this name."""
    proxy = f"sip:127.0.0.1:{asterisk.port};transport=udp"
    return {"name": "pbx", "hosts": ["127.0.0.1"], "proxy": proxy, "user": user, "srtp": srtp}


def judge(asterisk: Asterisk) -> None:
    """Each side has heard the other."""
    recording = asterisk.wait_recording(30)
    received = audio.read_wav(recording.received, rate_hz=8000)
    heard(GREETING, received)
    heard(SPOKEN, received)


def test_S26_calls_are_encrypted_in_both_directions(asterisk: Asterisk, tmp_path: Path) -> None:
    config = {"trunks": [trunk(asterisk, "require", "srtp")]}
    with closing(SteeredEdge(tmp_path / "edge", config)) as edge:
        asterisk.originate(f"PJSIP/srtp/sip:agent@127.0.0.1:{edge.port}", "60245")
        edge.place(f"sip:60245@127.0.0.1:{asterisk.port}", origin="pbx")
        judge(asterisk)
        judge(asterisk)
        for ended in edge.wait_event("call.ended", count=2) and edge.events(name="call.ended"):
            assert ended["transport"]["srtp"] == SUITE
            assert ended["rtp"]["dropped"] == {}
            assert ended["rtp"]["rtcp"]["received"] > 0
            assert ended["rtp"]["rtcp"]["remote_lost"] == 0
        assert {media["srtp"] for media in edge.events(name="call.media")} == {SUITE}
        assert "inline:" not in edge.log
    (offer,) = asterisk.sip_messages("INVITE sip:60245@", sent=False)
    assert "RTP/SAVP 0" in offer
