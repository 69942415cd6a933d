"""A channel of Asterisk's that calls us, and hears us before we answer (3 s of sound)."""

from collections.abc import Callable

import numpy as np
import pytest

from sipua.bridge.playout import sounds
from support.calls.edge import Edge
from support.media import audio
from support.peers.asterisk import Asterisk
from support.ports import LOOPBACK

pytestmark = [pytest.mark.peer, pytest.mark.sound, pytest.mark.timeout(120)]


def test_asterisk_passes_our_ringing_on_and_then_the_agent(
    asterisk: Asterisk, edge_factory: Callable[..., Edge]
) -> None:
    edge = edge_factory(
        {
            "sip": {"accept": "trunks"},
            "trunks": [
                {
                    "name": "pbx",
                    "hosts": [LOOPBACK],
                    "early_media": True,
                    "ringing_tone": "us",
                    "prack": "preferred",
                }
            ],
            "agent": {"latency_ms": 1500},
            "calls": {"answer": "greeting", "max_duration_s": 5},
        }
    )
    asterisk.cli(f"dialplan set global EDGE sip:agent@{LOOPBACK}:{edge.port}")
    asterisk.cli("channel originate Local/630@sipua application Wait 10")
    edge.wait_event("call.ended")
    recording = asterisk.wait_recording(20)
    parts = [audio.read_wav(path, rate_hz=8000) for path in (recording.received, recording.sent)]
    heard = np.concatenate(parts)
    tone = sounds.ringing("us")[:8000]
    assert audio.find(tone, heard).score > 0.95
    progress, *_ = asterisk.sip_messages("SIP/2.0 183 Session Progress", sent=False)
    assert "\nm=audio " in progress.replace("\r", "")
    assert "Require: 100rel" in progress
    assert asterisk.sip_messages("PRACK sip:", sent=True)
    (ok,) = [
        text
        for text in asterisk.sip_messages("SIP/2.0 200 OK", sent=False)
        if " INVITE" in text and f":{edge.port}" in text
    ]
    assert "m=audio" not in ok, "the 183 has had the answer, reliably"
