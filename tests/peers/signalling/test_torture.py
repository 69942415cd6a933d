"""S1 to S3: the 49 tests of RFC 4475, and other requests that no honest peer sends, from a trunk
that may call, while a call runs. Each has a right answer, or none; the call beside them loses no
packet, nothing is kept, and no exception is seen.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

import pytest

from support.calls.edge import Edge
from support.footprint import Footprint, nothing_kept, settled
from support.media import audio
from support.media.rtp_far_end import RtpFarEnd
from support.peers.sipp import Sipp
from support.ports import LOOPBACK
from support.signalling.torture import invalid, meaning, valid
from support.signalling.torture.draft import ALL, Torture
from support.signalling.torture.smuggled import LENGTH_BEYOND, S2, S3
from support.signalling.torture.wire import Wire

pytestmark = pytest.mark.peer

Edges = Callable[..., Edge]
SECTIONS = (valid, invalid, meaning)
"""They fill the table."""
HOST = "127.0.0.9"
CALL_MS = 15_000


@pytest.fixture
def edge(edge_factory: Edges) -> Edge:
    trunk = {"name": "carrier", "hosts": [LOOPBACK, HOST]}
    return edge_factory(
        {
            "sip": {"accept": "trunks", "transports": ["udp", "tcp"]},
            "trunks": [trunk],
            "calls": {"answer": "at_once"},
            "agent": {"mode": "silence", "greeting": False},
        }
    )


def ready(edge: Edge, sipp: Sipp) -> Footprint:
    sipp.run("uac_call", edge.address, pause_ms=100)
    return settled(edge.process.pid)


def wrong_answers(edge: Edge, over: str, all_of: Iterable[Torture]) -> dict[str, int]:
    """By name. What else became a call without being answered as one is found, too."""
    wrong, calls = {}, len(edge.events(name="call.incoming"))
    for number, torture in enumerate(all_of):
        with Wire(edge.address, over, HOST) as wire:
            status = wire.told(torture, f"{torture.name}{number}{over}").status
        if status not in torture.answers:
            wrong[torture.name] = status
        calls += wire.calls
    edge.wait_event("call.incoming", count=calls)
    assert len(edge.events(name="call.incoming")) == calls
    return wrong


def unharmed(edge: Edge) -> None:
    assert edge.events(name="sip.fault") == []
    assert edge.events(name="call.failed") == []


@pytest.mark.parametrize("over", ["UDP", "TCP"])
def test_S1_each_message_of_rfc_4475_while_a_call_runs(
    edge: Edge, sipp: Sipp, far_end: Callable[..., RtpFarEnd], over: str
) -> None:
    assert len(ALL) == 49
    before = ready(edge, sipp)
    media = far_end(1, audio.silence(CALL_MS))
    beside = sipp.start("uac_call", edge.address, media=media, pause_ms=CALL_MS)
    edge.wait_event("call.confirmed", count=2)
    assert wrong_answers(edge, over, ALL.values()) == {}
    assert beside.wait().ok
    (stream,) = media.finish()
    assert stream.lost == 0
    unharmed(edge)
    nothing_kept(edge.process.pid, before)


@pytest.mark.parametrize("over", ["UDP", "TCP"])
def test_S2_numbers_beyond_their_size_nuls_and_bare_line_ends(
    edge: Edge, sipp: Sipp, over: str
) -> None:
    before = ready(edge, sipp)
    assert wrong_answers(edge, over, S2) == {}
    unharmed(edge)
    nothing_kept(edge.process.pid, before)


@pytest.mark.parametrize("over", ["UDP", "TCP"])
def test_S3_what_can_be_read_in_two_ways_is_never_a_call(edge: Edge, sipp: Sipp, over: str) -> None:
    before = ready(edge, sipp)
    sent = (*S3, LENGTH_BEYOND) if over == "UDP" else S3
    assert wrong_answers(edge, over, sent) == {}
    told = edge.wait_event("call.rejected")  # others of one source are kept back
    assert (told["status"], told["cause"]) == (400, "CSeq has another method")
    unharmed(edge)
    nothing_kept(edge.process.pid, before)
