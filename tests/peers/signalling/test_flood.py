"""S16, S15: floods and scanners, while a call of the trunk goes on."""

from __future__ import annotations

import socket
from collections import Counter
from collections.abc import Callable

import pytest

from support.calls.edge import Edge
from support.media import audio
from support.media.rtp_far_end import RtpFarEnd
from support.peers.raw_caller import RawCaller
from support.peers.sipp import Sipp
from support.ports import LOOPBACK
from support.process import wait_until
from support.signalling.torture.draft import Draft
from support.signalling.torture.wire import answers_options

pytestmark = pytest.mark.peer

Edges = Callable[..., Edge]

STRANGER = "127.0.0.8"
TRUNK = {
    "sip": {"accept": "trunks"},
    "trunks": [{"name": "carrier", "hosts": [LOOPBACK]}],
    "calls": {"answer": "at_once"},
}
CALL_MS = 8_000
SENT = 2_000


def flood(edge: Edge, host: str, method: str, count: int) -> Counter[int]:
    """The answers by status, when the edge has taken all of them."""
    heard: Counter[int] = Counter()
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
        udp.bind((host, 0))
        udp.setblocking(False)
        me = "{}:{}".format(*udp.getsockname())
        for number in range(count):
            draft = Draft(me, "{}:{}".format(*edge.address), "UDP", f"f{number}", method=method)
            if method == "INVITE":
                draft.invite()
            udp.sendto(draft.written(), edge.address)
            if number % 50 == 49:  # no more than its socket holds
                answers_options(edge.address)
        answers_options(edge.address)
        while True:
            try:
                heard[int(udp.recv(65535).split(None, 2)[1])] += 1
            except BlockingIOError:
                return heard


def dropped(edge: Edge) -> Counter[str]:
    counts: Counter[str] = Counter()
    for one in edge.events(name="sip.dropped"):
        counts.update(one["counts"])
    return counts


@pytest.mark.parametrize("method", ["INVITE", "OPTIONS", "REGISTER"])
def test_S16_a_strangers_flood_gets_silence_and_a_call_goes_on(
    edge_factory: Edges, sipp: Sipp, far_end: Callable[..., RtpFarEnd], method: str
) -> None:
    edge = edge_factory(TRUNK)
    media = far_end(1, audio.silence(CALL_MS))
    beside = sipp.start("uac_call", edge.address, media=media, pause_ms=CALL_MS)
    edge.wait_event("call.confirmed")
    answers = flood(edge, STRANGER, method, SENT)
    assert set(answers) == {403}
    assert 20 <= answers[403] < SENT / 4  # ten a second, and the first twenty
    assert beside.wait().ok
    (stream,) = media.finish()
    assert stream.lost == 0
    told = SENT - answers[403]
    wait_until(lambda: dropped(edge) == {"rate": told}, 25, "the sum of what was dropped")


def test_S16_a_trunk_that_floods_is_told_to_wait(edge_factory: Edges) -> None:
    edge = edge_factory({**TRUNK, "admission": {"peer_rate": 1}})
    with RawCaller(edge.address) as carrier:
        statuses = []
        for _ in range(20):
            carrier.responses.clear()
            carrier.request("OPTIONS")
            statuses.append(carrier.final("OPTIONS"))
    told = Counter(one.status for one in statuses)
    assert told[200] >= 2
    assert told[503] > 0
    assert "Retry-After: 1\r\n" in next(one.text for one in statuses if one.status == 503)


def test_S15_a_scanner_hears_nothing(edge_factory: Edges) -> None:
    edge = edge_factory(TRUNK)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
        udp.bind((STRANGER, 0))
        draft = Draft("{}:{}".format(*udp.getsockname()), "edge", "UDP", "scan")
        draft.lines["User-Agent"] = "User-Agent: friendly-scanner"
        udp.sendto(draft.written(), edge.address)
        answers_options(edge.address)
        udp.setblocking(False)
        with pytest.raises(BlockingIOError):
            udp.recv(65535)
    told = edge.wait_event("sip.dropped")
    assert (told["counts"], told["source"]) == ({"scanner": 1}, STRANGER)
