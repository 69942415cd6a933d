"""A baresip with SRTP, which is not libsrtp: an implementation of its own (15 s)."""

from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import numpy as np
import pytest

from support.calls.edge import Edge
from support.media import audio
from support.peers.baresip import Baresip
from support.peers.pbx import heard

pytestmark = pytest.mark.sound

GREETING = audio.read_wav(audio.GREETING, rate_hz=audio.PHONE_RATE_HZ)
SAID = audio.speech("short")
AFTER_GREETING = np.concatenate([audio.silence(len(GREETING) / 8 + 1500), SAID])


@pytest.mark.parametrize(("kind", "policy"), [("srtp-mand", "prefer"), ("srtp", "require")])
def test_S26_another_srtp_than_ours_hears_and_is_heard(
    edge_factory: Callable[..., Edge], tmp_path: Path, kind: str, policy: str
) -> None:
    trunk = {"name": "phones", "hosts": ["127.0.0.1"], "srtp": policy}
    edge = edge_factory({"trunks": [trunk]})
    with closing(Baresip(tmp_path / "phone", AFTER_GREETING, srtp=kind)) as phone:
        phone.call(edge.uri)
        phone.wait_talking()
        edge.wait_event("turn.caller")
        phone.hold()
        phone.resume()
        edge.wait_event("call.resumed")
        edge.wait_event("turn.agent", count=2)
        phone.hang_up()
        ended = edge.wait_event("call.ended")
        assert heard(GREETING, phone.heard()) < 3000
    suites = {one["srtp"] for one in edge.events(name="call.media")}
    assert len(suites) == 1
    assert suites <= {"AES_CM_128_HMAC_SHA1_80", "AES_CM_128_HMAC_SHA1_32"}
    # It sends a datagram of its own kind before the call; nothing of the audio is lost.
    assert ended["rtp"]["dropped"] in ({}, {"srtp_malformed": 1}), ended["rtp"]
    assert ended["rtp"]["rtcp"]["received"] > 0
