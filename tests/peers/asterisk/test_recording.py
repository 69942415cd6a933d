"""Asterisk calls, and records its own side: ours is the same, with its sides exchanged."""

from collections.abc import Callable
from pathlib import Path

import pytest

from support.calls.edge import Edge
from support.media import audio
from support.media.recordings import channels, metadata
from support.peers.asterisk import Asterisk
from support.peers.asterisk_config import SPEECH
from support.peers.pbx import GREETING, account, heard

pytestmark = pytest.mark.sound
SPOKEN = audio.speech(SPEECH)


def test_both_sides_of_a_call_from_asterisk(
    asterisk: Asterisk, edge_factory: Callable[..., Edge], tmp_path: Path
) -> None:
    edge = edge_factory(
        {
            "accounts": [account(asterisk)],
            "recording": {"when": "always", "directory": tmp_path / "kept", "format": "wav"},
        }
    )
    edge.wait_event("registration.ok")
    asterisk.originate("PJSIP/sipua", "60245")
    theirs = asterisk.wait_recording(30)
    path = Path(edge.wait_event("recording.saved")["path"])
    left, right = channels(path)
    # The greeting is ours, on the right; what Asterisk says is on the left, behind it.
    greeted_ms, spoken_ms = heard(GREETING, right), heard(SPOKEN, left)
    assert greeted_ms < spoken_ms
    # As far apart as Asterisk heard and said it.
    received = audio.read_wav(theirs.received, rate_hz=8000)
    sent = audio.read_wav(theirs.sent, rate_hz=8000)
    apart_ms = heard(SPOKEN, sent) - heard(GREETING, received)
    assert abs((spoken_ms - greeted_ms) - apart_ms) < 150
    assert metadata(path)["from"] is not None
