"""An account whose calls have keys of their own, at a real Asterisk (3 s)."""

from contextlib import closing
from pathlib import Path

from sipua.calls.steer.commands import HangUp
from support.calls.steered_edge import SteeredEdge
from support.peers.asterisk import EVERY_ASTERISK, Asterisk
from support.peers.pbx import account

pytestmark = EVERY_ASTERISK


def test_asterisk_gets_the_codec_and_the_timers_of_the_account(
    asterisk: Asterisk, tmp_path: Path
) -> None:
    keys = {"codecs": ["PCMA"], "ptime_ms": 40, "session_expires_s": 600, "prack": "preferred"}
    config = {"agent": {"greeting": False}, "accounts": [account(asterisk, **keys)]}
    with closing(SteeredEdge(tmp_path / "edge", config)) as edge:
        edge.wait_event("registration.ok")
        call_id = str(edge.place(f"sip:600@127.0.0.1:{asterisk.port}", origin="sipua")["id"])
        edge.wait_event("call.confirmed", call_id=call_id)
        (media,) = edge.events(name="call.media", call_id=call_id)
        assert media["codec"] == "PCMA"
        edge.steer(call_id, HangUp("enough"))
        edge.wait_event("call.ended", call_id=call_id)
    invite = asterisk.sip_messages("INVITE sip:600@", sent=False)[-1]
    assert "RTP/AVP 8 " in invite
    assert "a=ptime:40" in invite
    assert "Session-Expires: 600" in invite
