"""Encrypted calls between the edge and a real Asterisk, in both directions (30 s)."""

import re
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from sipua.calls.steer.commands import HangUp, Hold
from support.calls.steered_edge import SteeredEdge
from support.media import audio
from support.peers.asterisk import Asterisk
from support.peers.asterisk_config import SPEECH
from support.peers.pbx import GREETING, heard
from support.peers.sipp import Sipp

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


def test_S26_calls_are_encrypted_in_both_directions(
    asterisk: Asterisk, sipp: Sipp, tmp_path: Path
) -> None:
    config = {
        "trunks": [trunk(asterisk, "require", "srtp")],
        "log": {"level": "debug", "sip": True},
    }
    with closing(SteeredEdge(tmp_path / "edge", config)) as edge:
        asterisk.originate(f"PJSIP/srtp/sip:agent@127.0.0.1:{edge.port}", "60257")
        edge.place(f"sip:60257@127.0.0.1:{asterisk.port}", origin="pbx")
        refused = sipp.run("uac_rejected", edge.address, STATUS="488")
        assert "the offer has no SRTP" in refused.received("SIP/2.0 488")[0].text
        for ended in edge.wait_event("call.ended", count=2) and edge.events(name="call.ended"):
            assert ended["transport"]["srtp"] == SUITE
            assert ended["rtp"]["dropped"] == {}
            assert ended["rtp"]["rtcp"]["received"] > 0
            assert ended["rtp"]["rtcp"]["remote_lost"] == 0
        judge(asterisk)
        judge(asterisk)
        assert {media["srtp"] for media in edge.events(name="call.media")} == {SUITE}
        assert "inline:********" in edge.log
        assert not re.search("inline:[^*]", edge.log)
    (offer,) = asterisk.sip_messages("INVITE sip:60257@", sent=False)
    assert "RTP/SAVP 0" in offer


def test_S26_srtp_is_an_extra_or_required_and_lasts_over_a_hold(
    asterisk: Asterisk, sipp: Sipp, tmp_path: Path
) -> None:
    """At an Asterisk that takes both, and at a peer that knows no SRTP."""
    far, other = sipp.start("uas_answer"), sipp.start("uas_answer")
    config = {
        "trunks": [
            trunk(asterisk, "prefer", "srtp-or-not"),
            {"name": "plain", "srtp": "prefer", "proxy": f"sip:{far.address}"},
            {"name": "strict", "srtp": "require", "proxy": f"sip:{other.address}"},
        ]
    }
    with closing(SteeredEdge(tmp_path / "edge", config)) as edge:
        talks = str(edge.place(f"sip:60257@127.0.0.1:{asterisk.port}", origin="pbx")["id"])
        edge.wait_event("call.confirmed", call_id=talks)
        assert edge.steer(talks, Hold(True))["status"] == "done"
        assert edge.steer(talks, Hold(False))["status"] == "done"
        edge.wait_event("call.resumed", call_id=talks)

        strict = str(edge.place(f"sip:1@{other.address}", origin="strict")["id"])
        end = edge.wait_event("call.ended", call_id=strict)
        assert "has no SRTP" in end["end"]["detail"]
        assert edge.events(name="call.media", call_id=strict) == []
        assert "RTP/SAVP 0" in other.stop().received("INVITE")[0].text
        unencrypted = str(edge.place(f"sip:1@{far.address}", origin="plain")["id"])
        assert edge.wait_event("call.media", call_id=unencrypted)["srtp"] == ""
        edge.steer(unencrypted, HangUp("enough"))
        offer = far.wait().received("INVITE")[0].text
        assert "RTP/AVP 0" in offer
        assert "a=crypto:1 AES_CM_128_HMAC_SHA1_80 inline:" in offer

        # Our 200 has the offer, and the ACK the answer.
        sipp.run("uac_delayed_offer", edge.address, pause_ms=100)
        delayed = str(edge.wait_event("call.incoming")["call_id"])
        assert edge.wait_event("call.media", call_id=delayed)["srtp"] == ""

        judge(asterisk)
        ended = edge.wait_event("call.ended", call_id=talks)
        suites = [one["srtp"] for one in edge.events(name="call.media", call_id=talks)]
        assert set(suites) == {SUITE}
        assert len(suites) >= 3
        assert ended["rtp"]["dropped"] == {}
