"""When a ringing phone is answered: at once, with the model, or with its greeting (SIPp)."""

from collections.abc import Callable

import numpy as np
import pytest

from support.calls.edge import Edge
from support.media.rtp_far_end import RtpFarEnd
from support.peers.pbx import GREETING, heard
from support.peers.sipp import Sipp, SippResult

pytestmark = pytest.mark.peer

Edges = Callable[..., Edge]
FarEnds = Callable[..., RtpFarEnd]

THINKS_MS = 1500


@pytest.fixture
def ring(
    edge_factory: Edges, sipp: Sipp, far_end: FarEnds
) -> Callable[..., tuple[Edge, SippResult]]:
    def call(pause_ms: int = 500, **calls: object) -> tuple[Edge, SippResult]:
        """With a model that thinks before it greets; the caller hears the whole of it."""
        edge = edge_factory({"agent": {"latency_ms": THINKS_MS}, "calls": calls})
        media = far_end(1, np.zeros(1600, np.int16))
        result = sipp.run("uac_call", edge.address, media=media, pause_ms=pause_ms)
        (stream,) = media.finish()
        heard(GREETING, stream.pcm())
        assert result.received("SIP/2.0 180"), "it always rings first"
        return edge, result

    return call


def test_with_the_greeting(ring: Callable[..., tuple[Edge, SippResult]]) -> None:
    edge, _ = ring(6000, answer="greeting", greeting_timeout_s=10)
    assert edge.wait_event("call.answered")["setup_ms"] >= THINKS_MS
    assert not edge.events(name="call.greeting_late")
    # It was there when the phone was: nothing but a tick of the pacer in between.
    assert edge.wait_event("call.ended")["first_audio_ms"] < 200


def test_with_a_greeting_that_is_late(ring: Callable[..., tuple[Edge, SippResult]]) -> None:
    edge, _ = ring(9000, answer="greeting", greeting_timeout_s=0.2)
    assert edge.wait_event("call.greeting_late")["waited_s"] == 0.2
    assert edge.wait_event("call.answered")["setup_ms"] >= 200


@pytest.mark.parametrize("answer", ["ready", "at_once"])
def test_before_it(ring: Callable[..., tuple[Edge, SippResult]], answer: str) -> None:
    edge, _ = ring(9000, answer=answer)
    names = [event["event"] for event in edge.events()]
    assert names.index("call.ringing") < names.index("call.answered")
    connected = names.index("engine.in_use") < names.index("call.answered")
    assert connected is (answer == "ready")
