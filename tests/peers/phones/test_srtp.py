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
SUITES = {"AES_CM_128_HMAC_SHA1_80", "AES_CM_128_HMAC_SHA1_32", "AEAD_AES_128_GCM"}
AFTER_GREETING = np.concatenate([audio.silence(len(GREETING) / 8 + 1500), SAID])


@pytest.mark.parametrize(
    ("kind", "policy", "keys"),
    [
        ("srtp-mand", "prefer", "sdes"),
        ("srtp", "require", "sdes"),
        ("dtls_srtp", "require", "dtls"),
    ],
)
def test_S26_another_srtp_than_ours_hears_and_is_heard(
    edge_factory: Callable[..., Edge], tmp_path: Path, kind: str, policy: str, keys: str
) -> None:
    trunk = {"name": "phones", "hosts": ["127.0.0.1"], "srtp": policy, "srtp_keys": keys}
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
    (told,) = {one["srtp"] for one in edge.events(name="call.media")}
    suite = ended["transport"]["srtp"]
    assert suite in SUITES
    assert told == ("DTLS" if keys == "dtls" else suite)
    # It sends a datagram of its own kind before the call, and after a handshake a packet before the
    # last message of it has come; nothing else of the audio is lost.
    dropped = ended["rtp"]["dropped"]
    assert set(dropped) <= {"srtp_malformed", "srtp_early"}, ended["rtp"]
    assert sum(dropped.values()) <= 3, ended["rtp"]
    assert ended["rtp"]["rtcp"]["received"] > 0
