"""A route forwards its calls to another SIP agent: no engine is asked (SIPp)."""

from collections.abc import Callable

import numpy as np
import pytest

from support.calls.edge import Edge
from support.calls.forwarding import forwarding
from support.media import audio
from support.media.rtp_far_end import RtpFarEnd
from support.peers.sipp import Sipp
from support.ports import LOOPBACK

pytestmark = pytest.mark.peer

Edges = Callable[..., Edge]
TALK = np.concatenate([audio.speech("short"), audio.silence(500)])


@pytest.mark.sound
def test_caller_and_target_hear_each_other(
    edge_factory: Edges, sipp: Sipp, far_end: Callable[..., RtpFarEnd]
) -> None:
    to_target, to_caller = far_end(1, TALK, repeat=True), far_end(1, TALK, repeat=True)
    # Longer than a sentence and the rest of one that has begun.
    target = sipp.start("uas_hang_up", media=to_target, pause_ms=4500)
    edge = forwarding(edge_factory, target.address)
    caller = sipp.run("uac_call_ended_by_peer", edge.address, media=to_caller)
    assert caller.ok
    assert target.wait(check=False).ok
    invite = next(m.text for m in target.messages() if m.first_line.startswith("INVITE sip:bot@"))
    assert "\nX-Tenant: a\n" in invite
    ended = edge.wait_event("call.ended")
    assert (ended["end"]["by"], ended["end"]["reason"]) == ("target", "target_hangup")
    (transfer,) = edge.events(name="call.transfer")
    assert transfer["mode"] == "forward"
    assert edge.events(name="engine.in_use") == edge.events(name="call.fallback") == []
    for media in (to_target, to_caller):
        (stream,) = media.finish()
        assert audio.find(audio.speech("short"), stream.pcm()).score > 0.9


def test_the_caller_gets_the_status_of_the_target_or_the_fallback_of_the_route(
    edge_factory: Edges, sipp: Sipp
) -> None:
    target = sipp.start("uas_reject", calls=2, STATUS="486 Busy Here")
    edge = forwarding(edge_factory, target.address)
    sipp.run("uac_rejected", edge.address, STATUS="486")
    ended = edge.wait_event("call.ended")
    assert (ended["end"]["by"], ended["end"]["reason"]) == ("target", "forward_failed")
    assert "486 Busy Here" in ended["end"]["detail"]
    edge.stop()
    away = forwarding(edge_factory, target.address, fallback=[{"transfer": f"sip:1@{LOOPBACK}"}])
    sipp.run("uac_rejected", away.address, STATUS="302")
    assert away.wait_event("call.ended")["end"]["reason"] == "redirected"
