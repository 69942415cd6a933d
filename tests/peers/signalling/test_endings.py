"""How calls end when the caller does not simply hang up.

The edge's own BYE (longest duration, no media) gets its answer and is told with its cause; a
caller's BYE may come as early as it likes; and nothing is kept of any of them.
"""

from collections.abc import Callable

import pytest

from support.calls.edge import Edge
from support.footprint import nothing_kept, settled
from support.media import audio
from support.media.rtp_far_end import RtpFarEnd
from support.peers.sipp import Sipp
from support.signalling import offers

pytestmark = pytest.mark.peer

Edges = Callable[..., Edge]
FarEnds = Callable[..., RtpFarEnd]


def test_the_longest_call_is_ended_by_a_bye(edge_factory: Edges, sipp: Sipp) -> None:
    edge = edge_factory({"calls": {"max_duration_s": 1}})
    result = sipp.run("uac_call_ended_by_peer", edge.address)
    # Its 200 came, so it was not repeated after that.
    assert [m.first_line[:7] for m in result.messages[-2:]] == ["BYE sip", "SIP/2.0"]
    ended = edge.wait_event("call.ended")
    assert (ended["end"]["by"], ended["end"]["reason"]) == ("edge", "max_duration")


def test_R12_a_call_without_media_is_ended_and_on_hold_it_waits_longer(
    edge_factory: Edges, sipp: Sipp, far_end: FarEnds
) -> None:
    """Three calls at once: silent, held for longer than the silent one lives, and talking."""
    edge = edge_factory(
        {"rtp": {"timeout_s": 1.5, "hold_timeout_s": 60}, "record": {"numbers": "full"}}
    )
    before = settled(edge.process.pid)
    talking = far_end(1, audio.tone(440, 6000))
    calls = {
        "silent": sipp.start("uac_call_ended_by_peer", edge.address, FROM="silent"),
        "held": sipp.start(
            "uac_hold_silently",
            edge.address,
            pause_ms=4000,
            FROM="held",
            HOLD=offers.HOLD_SENDONLY,
        ),
        "talking": sipp.start(
            "uac_call", edge.address, media=talking, pause_ms=4500, FROM="talking"
        ),
    }
    for call in calls.values():
        call.wait()
    edge.wait_event("call.ended", count=3)
    ends = {
        event["from"].partition("sip:")[2].partition("@")[0]: edge.wait_event(
            "call.ended", call_id=event["call_id"]
        )
        for event in edge.events(name="call.incoming")
    }
    assert (ends["silent"]["end"]["reason"], ends["silent"]["end"]["detail"]) == (
        "media_timeout",
        "no RTP from the peer for 2 s",
    )
    assert (ends["held"]["end"]["by"], ends["talking"]["end"]["by"]) == ("caller", "caller")
    nothing_kept(edge.process.pid, before)


def test_S10_bye_right_after_the_ack(edge_factory: Edges, sipp: Sipp) -> None:
    """Twenty impatient callers: the edge may still be opening the call's media."""
    edge = edge_factory()
    sipp.run("uac_call", edge.address, pause_ms=0)
    before = settled(edge.process.pid)
    result = sipp.run("uac_call", edge.address, calls=20, rate=100, pause_ms=0)
    assert result.successful == 20
    edge.wait_event("call.ended", count=21)
    assert {event["end"]["by"] for event in edge.events(name="call.ended")} == {"caller"}
    assert not [event for event in edge.events() if event["level"] in ("warning", "error")]
    nothing_kept(edge.process.pid, before)


@pytest.mark.parametrize("scenario", ["uac_call", "uac_delayed_offer"])
def test_H3_without_a_free_port_503_and_after_the_call_it_works_again(
    edge_factory: Edges, sipp: Sipp, scenario: str
) -> None:
    """An edge with one pair of ports, which do not rest: each call needs the one before's."""
    edge = edge_factory({"rtp": {"port_rest_s": 0}}, rtp_ports=2)
    for number in range(1, 3):
        call = sipp.start(scenario, edge.address, until_told=True)
        edge.wait_event("call.confirmed", count=number)
        refused = sipp.run("uac_rejected", edge.address, STATUS="503")
        assert "Retry-After: " in refused.received("SIP/2.0 503")[0].text
        call.hang_up()
        call.wait()
        edge.wait_event("call.ended", count=number)
        settled(edge.process.pid)
    assert len(edge.rejected(2)) == 2
