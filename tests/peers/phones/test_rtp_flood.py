"""R2: every RTP port of the edge is sprayed, 10,000 packets a second, while a call goes on.

The edge stays alive and serves, what is not the call's is counted and never heard, the caller
hears every packet, and the log does not become the second flood. Half of the spray is RTP, half
RTCP and rubbish.
"""

import contextlib
import multiprocessing
import socket
import time
from collections.abc import Callable
from multiprocessing.synchronize import Event

import numpy as np
import pytest

from sipua.rtp.packet import build
from support.calls.edge import Edge
from support.media import audio
from support.media.rtp_far_end import RtpFarEnd
from support.peers.sipp import Sipp

pytestmark = pytest.mark.alone

ATTACKER = "127.0.0.9"
TARGET = "127.0.0.1"
PER_SECOND = 10_000
BURST = 50
RTP_PORTS = 128
CALL_MS = 9000


def spray(first: int, count: int, stop: Event, sent: Callable[[int], None]) -> None:
    """A process of its own: bursts of 50 at 200 a second, port after port."""
    forged = build(b"\x11" * 160, payload_type=0, sequence=1, timestamp=0, ssrc=0xBAD)
    rubbish = (forged, b"\x81\xc9\0\x07" + bytes(28), forged, b"\x80\xc8\0\0")
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as attacker:
        attacker.bind((ATTACKER, 0))
        number = 0
        due = time.monotonic()
        while not stop.is_set():
            for _ in range(BURST):
                with contextlib.suppress(ConnectionRefusedError):  # no socket at that port
                    attacker.sendto(rubbish[number % 4], (TARGET, first + number // 2 % count))
                number += 1
            due += BURST / PER_SECOND
            time.sleep(max(0.0, due - time.monotonic()))
    sent(number)


@pytest.mark.timeout(90)
def test_R2_the_whole_port_range_sprayed(
    edge_factory: Callable[..., Edge], sipp: Sipp, far_end: Callable[..., RtpFarEnd]
) -> None:
    edge = edge_factory(rtp_ports=RTP_PORTS)
    ports = edge.rtp_ports
    context = multiprocessing.get_context("spawn")
    stop, sent = context.Event(), context.SimpleQueue()
    attack = context.Process(target=spray, args=(ports[0], RTP_PORTS, stop, sent.put), daemon=True)
    said = audio.speech("short")
    media = far_end(1, np.concatenate([audio.silence(4500), said]))
    attack.start()
    started = time.monotonic()
    try:
        result = sipp.run("uac_call", edge.address, media=media, pause_ms=CALL_MS)
        lasted_s = time.monotonic() - started
    finally:
        stop.set()
        attack.join(10)
    (stream,) = media.finish()
    ended = edge.wait_event("call.ended")
    assert result.ok
    assert sent.get() / lasted_s > PER_SECOND * 0.5, "it was a flood"

    refused = edge.events(name="rtp.refused")
    assert 1 <= len(refused) <= lasted_s + 1
    assert all(event["level"] == "warning" for event in refused)
    assert ended["rtp"]["dropped"]["source"] > 100
    assert ended["rtp"]["rtcp"]["dropped"]["source"] > 100
    assert len(edge.events(name="call.source")) == 1
    (heard,) = ended["rtp"]["streams"]
    assert (heard["lost"], heard["late"]) == (0, 0)
    assert (stream.lost, stream.duplicates, stream.sources) == (
        0,
        0,
        [(TARGET, edge.events(name="call.incoming")[0]["rtp_port"])],
    )
    assert audio.find(said, stream.pcm()[4500 * 8 :]).score > 0.9
    # And it takes the next call.
    assert sipp.run("uac_call", edge.address, pause_ms=200).ok
