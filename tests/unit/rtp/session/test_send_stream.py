"""Our own stream: numbers and time go on whatever happens, and what did not go is counted."""

from sipua.rtp.dtmf import DtmfSender, EventPacket
from sipua.rtp.latch.latch import Policy, SourceLatch
from sipua.rtp.packet import parse
from sipua.rtp.rtcp.session import Sent
from sipua.rtp.session.send_stream import SendStream
from support.media.netmodel import PEER

EVENT = EventPacket(b"\x05\x0a\0\xa0", age_samples=320, marker=True)


def stream(
    *, known: bool = True, events: int | None = 101, first: tuple[int, int] | None = (0, 0)
) -> SendStream:
    latch = SourceLatch(Policy.AUTO)
    if known:
        latch.set_remote(PEER, PEER[0])
    sequence, timestamp = first or (None, None)
    return SendStream(
        0xCAFE,
        latch,
        payload_type=8,
        event_payload_type=events,
        first_sequence=sequence,
        first_timestamp=timestamp,
    )


def test_R5_our_own_counters_wrap() -> None:
    own = stream(first=(65_535, 2**32 - 160))
    sent = [own.send(bytes(160), 160, marker=n == 0) for n in range(3)]
    packets = [parse(one[0]) for one in sent if one]
    assert [(p.sequence, p.timestamp, p.marker) for p in packets] == [
        (65_535, 2**32 - 160, True),
        (0, 0, False),
        (1, 160, False),
    ]
    assert {(p.ssrc, p.payload_type) for p in packets} == {(0xCAFE, 8)}


def test_starts_are_random_and_no_sequence_wraps_early() -> None:
    first = []
    for _ in range(50):
        sent = stream(first=None).send(b"x", 160)
        assert sent is not None
        first.append(parse(sent[0]))
    assert len({packet.sequence for packet in first}) > 40
    assert len({packet.timestamp for packet in first}) > 40
    assert max(packet.sequence for packet in first) < 1 << 15


def test_an_event_carries_the_time_of_its_beginning() -> None:
    own = stream(first=(7, 2**32 - 160))
    own.skip(320)
    sent = own.send_event(EVENT)
    assert sent is not None
    packet = parse(sent[0])
    assert (packet.sequence, packet.timestamp, packet.marker) == (7, 2**32 - 160, True)
    assert (packet.payload_type, packet.payload, sent[1]) == (101, EVENT.payload, PEER)
    audio = own.send(bytes(160), 160)
    assert audio is not None
    assert (parse(audio[0]).sequence, parse(audio[0]).timestamp) == (8, 160)


def test_what_may_not_or_cannot_go_is_counted_and_time_goes_on() -> None:
    nowhere = stream(known=False)
    assert nowhere.send(bytes(160), 160) is None
    assert nowhere.send_event(EVENT) is None
    without_events = stream(events=None)
    assert without_events.send_event(EVENT) is None
    silenced = stream()
    silenced.update(8, 101, sending=False)
    assert silenced.send(bytes(160), 160) is None
    assert silenced.send_event(EVENT) is None
    counts = [own.stats()["unsent"] for own in (nowhere, without_events, silenced)]
    assert counts == [2, 1, 2]
    silenced.update(0, 101, sending=True)
    sent = silenced.send(bytes(160), 160)
    assert sent is not None
    packet = parse(sent[0])
    assert (packet.sequence, packet.timestamp, packet.payload_type) == (2, 160, 0)


def test_the_account_counts_packets_bytes_and_skipped_time() -> None:
    own = stream(first=(0, 1000))
    own.send(bytes(160), 160)
    own.send_event(DtmfSender("5", 100).advance(160))
    own.skip(80)
    assert own.so_far == Sent(packets=2, octets=164, timestamp=1240)
    assert own.stats() == {
        "sent": 2,
        "sent_bytes": 164,
        "unsent": 0,
        "keepalives": 0,
        "skipped_samples": 80,
    }
