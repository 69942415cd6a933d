"""A call's notes, read: which packet became which append, and what was held."""

from __future__ import annotations

from array import array

import numpy as np

from sipua.bench.common.clock import WallClock
from sipua.bench.replay.probe import Note
from sipua.bench.replay.trace import read, same_packets

MS = 1_000_000
WALL = WallClock()
WALL.mark()


def notes(*pairs: tuple[Note, int]) -> array[int]:
    flat = array("q")
    for pair in pairs:
        flat.extend((int(pair[0]), pair[1]))
    return flat


def arrival(at_ms: int, sequence: int) -> list[tuple[Note, int]]:
    at = at_ms * MS
    return [
        (Note.KERNEL, at),
        (Note.READ, at + 1000),
        (Note.NUMBER, sequence),
        (Note.PARSED, at + 2000),
    ]


def frame(feed: int, received: int, at: int) -> list[tuple[Note, int]]:
    return [
        (Note.FEED, feed),
        (Note.FRAME, received),
        (Note.DECODED, at),
        (Note.RESAMPLED, at + 10),
        (Note.SENT, at + 20),
    ]


def test_a_packet_in_order() -> None:
    trace = read(notes(*arrival(100, 7), *frame(100 * MS + 3000, 100 * MS + 1500, 100)), WALL)
    rows = trace.uplink
    assert rows.packet.tolist() == [0]
    assert (rows.feed_ns - trace.packets.read_ns).tolist() == [2000]
    assert (rows.decoded_ns.tolist(), rows.resampled_ns.tolist()) == ([100], [110])
    assert (rows.sent_ns.tolist(), rows.append.tolist()) == ([120], [0])
    assert not rows.held.any()
    assert trace.packets.sequence.tolist() == [7]
    assert trace.packets.payload_type.tolist() == [0]


def test_held_until_the_gap_is_filled() -> None:
    both = [
        (Note.FEED, 131 * MS),
        (Note.FRAME, 130 * MS + 1500),
        (Note.FRAME, 120 * MS + 1500),
        (Note.DECODED, 1),
        (Note.RESAMPLED, 2),
        (Note.DECODED, 3),
        (Note.RESAMPLED, 4),
        (Note.SENT, 5),
        (Note.SENT, 6),
    ]
    trace = read(notes(*arrival(120, 9), *arrival(130, 8), *both), WALL)
    rows = trace.uplink
    assert rows.packet.tolist() == [1, 0]
    assert rows.held.tolist() == [False, True]
    assert rows.given_up.tolist() == [False, False]
    assert rows.sent_ns.tolist() == [5, 6]


def test_held_until_the_gap_is_given_up_by_a_timer() -> None:
    """The last packet that was read is the one that waited; only the timer can tell."""
    released = [
        (Note.TIMER, 0),
        (Note.FEED, 180 * MS),
        (Note.LOST, 160),
        (Note.FRAME, 120 * MS + 1500),
        (Note.RESAMPLED, 1),
        (Note.DECODED, 2),
        (Note.RESAMPLED, 3),
        (Note.SENT, 4),
        (Note.SENT, 5),
    ]
    rows = read(notes(*arrival(120, 9), *released), WALL).uplink
    assert (rows.held.tolist(), rows.given_up.tolist()) == ([True], [True])
    assert (rows.append.tolist(), rows.sent_ns.tolist()) == ([1], [5])


def test_silence_of_a_pause_is_counted_but_is_no_packet() -> None:
    pause = [(Note.TICK, 0), (Note.RESAMPLED, 1), (Note.SENT, 2)]
    trace = read(notes(*arrival(1, 1), *frame(MS, MS + 1500, 5), *pause), WALL)
    assert trace.appends == 2
    assert trace.uplink.append.tolist() == [0]


def test_what_cannot_be_told_is_counted_and_left_out() -> None:
    dropped = [(Note.FEED, 5), (Note.FRAME, 1)]  # no decode follows: the uplink had no room
    trace = read(notes(*arrival(0, 1), *dropped), WALL)
    assert trace.unattributed == 1
    assert not len(trace.uplink.packet)


def test_an_answer_begins_with_the_first_push_into_silence() -> None:
    trace = read(
        notes(
            (Note.MESSAGE, 10),
            (Note.FIRST_PUSH, 12),
            (Note.PUSHED, 15),
            (Note.PACKET, 20),
            (Note.PACKET_NUMBER, 5 << 1 | 1),
            (Note.MESSAGE, 30),
            (Note.PUSH, 31),
            (Note.PUSHED, 33),
            (Note.PACKET, 40),
            (Note.PACKET_NUMBER, 6 << 1 | 1),  # a marker after a stall begins no answer
        ),
        WALL,
    )
    replies = trace.replies
    assert (replies.message_ns.tolist(), replies.packet_ns.tolist()) == ([10], [20])
    assert trace.encode_ns.tolist() == [3, 2]


def test_packets_are_paired_over_drops_and_duplicates() -> None:
    arrived = np.array([5, 6, 6, 9, -1, 10])
    assert same_packets([5, 6, 6, 7, 8, 9, 10], arrived).tolist() == [0, 1, 2, 5, -1, 6]
