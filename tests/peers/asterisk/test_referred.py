"""Asterisk passes its call on: its REFER is followed, and the agent goes on with the extension."""

from collections.abc import Callable

import pytest

from support.calls.edge import Edge
from support.media import audio
from support.peers.asterisk import EVERY_ASTERISK, Asterisk
from support.peers.asterisk_config import SPEECH
from support.peers.pbx import account, heard

pytestmark = [EVERY_ASTERISK, pytest.mark.sound, pytest.mark.timeout(120)]


def test_the_extension_talks_with_the_agent(
    asterisk: Asterisk, edge_factory: Callable[..., Edge]
) -> None:
    keys = {"refer": "allow", "refer_targets": ["602??"]}
    edge = edge_factory({"accounts": [account(asterisk, **keys)], "agent": {"greeting": False}})
    edge.wait_event("registration.ok")
    asterisk.originate("PJSIP/sipua", "618")
    changed = edge.wait_event("call.party_changed", timeout_s=30)
    assert changed["way"] == "refer"
    recording = asterisk.wait_recording()
    ended = edge.wait_event("call.ended")
    assert ended["call_id"] == changed["call_id"]
    assert len(edge.events(name="call.ended")) == 1
    # The agent says back what it hears: the extension's words, after the change.
    assert heard(audio.speech(SPEECH), audio.read_wav(recording.received, rate_hz=8000)) > 1000
    notified = asterisk.sip_messages("NOTIFY sip:", sent=False)
    assert "SIP/2.0 200 OK" in notified[-1]
    asterisk.wait_idle()
