"""R13: two hours with a peer, or an engine, whose clock runs 200 ppm fast or slow.

Up: the phone's clock. Nothing waits for anything, so no delay can grow: each frame is with the
engine at the moment it came, and the engine's timeline leaves real time by the drift alone, within
its bounds.

Down: the phone plays by its own clock, and its jitter buffer deals with ours, which is the wall's:
a packet leaves every 20 ms for ever. An engine that sends no faster than it speaks, by a clock of
its own, would fill or starve our playout; each pause between sentences puts that right.
"""

import pytest

from sipua.bridge.playout.cadence import Cadence
from sipua.bridge.playout.queue import PlayoutQueue
from sipua.bridge.uplink.timeline import Uplink
from sipua.codecs.g711 import Law
from sipua.rtp.events import Frame
from support.media.netmodel import Network, Talker
from support.media.rtp_session import make_session

HOURS_2_S = 2 * 3600
PPM = pytest.mark.parametrize("ppm", [-200, 200])


@pytest.mark.slow
@PPM
def test_R13_up_every_frame_is_passed_on_when_it_comes(ppm: int) -> None:
    session, uplink = make_session(), Uplink()
    # 60 ms packets, to save the test's time; 2 ms of jitter that reorders nothing.
    talker = Talker(ptime_ms=60, drift_ppm=-ppm)
    packets = talker.talk(round(HOURS_2_S / 0.06))
    now = fed = inserted = 0.0
    for packet in Network(jitter_ms=2, seed=13).carry(packets):
        while (tick := now + 0.02) < packet.at:
            now = tick
            inserted += sum(map(len, uplink.tick(now, holding=session.holding)))
        now = packet.at
        events = session.receive(packet.datagram, packet.source, now)
        frames = [event for event in events if isinstance(event, Frame)]
        assert len(frames) == 1
        assert frames[0].received_at == now
        fed += sum(map(len, uplink.feed(events, now)))
    per_second = 24_000 * 2
    assert fed / per_second == pytest.approx(len(packets) * 0.06)
    ahead_s = (fed + inserted) / per_second - (now - Network().delay_ms / 1000)
    drift_s = HOURS_2_S * ppm * 1e-6
    # A fast phone is ahead by its drift; for a slow one time is made up from one second on.
    assert ahead_s == pytest.approx(max(drift_s, -1.0), abs=0.1)
    assert inserted / per_second == pytest.approx(max(0.0, -drift_s - 1.0), abs=0.1)
    assert uplink.counters()["dropped_ms"] == 0


@pytest.mark.slow
@PPM
def test_R13_down_no_delay_grows_from_sentence_to_sentence(ppm: int) -> None:
    """Sentences of 6 s and pauses of 2 s, pushed in 20 ms pieces by the engine's clock."""
    playout = PlayoutQueue(Law.PCMU)
    cadence = Cadence(playout, 0.0)
    piece = bytes(480 * 2)
    waiting_ms: list[float] = []
    frames = 0

    def until(now: float) -> None:
        nonlocal frames
        while cadence.due <= now:
            frames += cadence.tick(cadence.due) is not None

    for sentence in range(HOURS_2_S // 8):
        item = f"sentence {sentence}"
        for number in range(300):
            now = (sentence * 8 + number * 0.02) * (1 - ppm * 1e-6)
            until(now)
            playout.push(item, piece)
            frames += cadence.wake(now) is not None
        waiting_ms.append(playout.buffered_ms)
        playout.end_item(item)
    until(HOURS_2_S * (1 - ppm * 1e-6))
    assert max(waiting_ms) <= 40, "what waits at a sentence's end: the present frame and the next"
    assert max(waiting_ms[-100:]) <= max(waiting_ms[:100]) + 20
    assert playout.counters()["overflow_ms"] == 0
    assert cadence.lead_ms == 0
    assert frames * 0.02 == pytest.approx(HOURS_2_S * (1 - ppm * 1e-6), abs=0.021)
    assert not playout.pending
