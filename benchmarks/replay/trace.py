"""One call's notes (see `probe`), read: when each packet and each reply was where."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from sipua.bench.common import clock
from sipua.bench.common.clock import Nanoseconds
from sipua.bench.replay.probe import Note


@dataclass(slots=True)
class Uplink:
    """Columns of equal length: one row for each frame that was decoded, in order of release."""

    packet: Nanoseconds  # row in `Trace.packets`
    feed_ns: Nanoseconds
    decoded_ns: Nanoseconds
    resampled_ns: Nanoseconds
    sent_ns: Nanoseconds
    append: Nanoseconds  # the how-manieth append of the call
    held: np.typing.NDArray[np.bool_]
    given_up: np.typing.NDArray[np.bool_]  # held, until what was missing was given up


@dataclass(slots=True)
class Packets:
    """One row for each packet that was read, in order of arrival."""

    kernel_ns: Nanoseconds  # monotonic
    read_ns: Nanoseconds
    parsed_ns: Nanoseconds  # 0: never
    number: Nanoseconds

    @property
    def sequence(self) -> Nanoseconds:
        return np.where(self.number < 0, -1, self.number & 0xFFFF)

    @property
    def payload_type(self) -> Nanoseconds:
        return np.where(self.number < 0, -1, self.number >> 16)


@dataclass(slots=True)
class Replies:
    """One row for each talkspurt whose first packet followed on a message of the engine."""

    message_ns: Nanoseconds
    push_ns: Nanoseconds
    pushed_ns: Nanoseconds
    packet_ns: Nanoseconds


@dataclass(slots=True)
class Trace:
    packets: Packets
    uplink: Uplink
    replies: Replies
    encode_ns: Nanoseconds  # each delta: from the decoded message to frames in the playout
    appends: int
    unattributed: int
    """Frames without a known end: dropped, or of an unknown codec."""


@dataclass(slots=True)
class _Feed:
    """What one visit of the uplink made, while its notes are read."""

    ns: int
    by_packet: bool
    frames: list[int] = field(default_factory=list)
    lost: bool = False
    decoded: list[int] = field(default_factory=list)
    made: list[tuple[int, int | None]] = field(default_factory=list)  # resampled, which decode
    sent: list[int] = field(default_factory=list)


class _Reader:
    def __init__(self) -> None:
        self.kernel: list[int] = []
        self.read: list[int] = []
        self.parsed: list[int] = []
        self.number: list[int] = []
        self.rows: list[tuple[int, ...]] = []
        self.replies: list[tuple[int, int, int, int]] = []
        self.encode: list[int] = []
        self.appends = 0
        self.unattributed = 0
        self._feed: _Feed | None = None
        self._fresh_packet = False
        self._message = 0
        self._pushes: list[tuple[int, int, int]] = []  # since the last packet of ours
        self._push, self._is_first = 0, False
        self._packet = 0

    def on_kernel(self, value: int) -> None:
        self.close()
        self.kernel.append(value)
        self.parsed.append(0)
        self._fresh_packet = True

    def on_read(self, value: int) -> None:
        self.read.append(value)

    def on_number(self, value: int) -> None:
        self.number.append(value)

    def on_parsed(self, value: int) -> None:
        self.parsed[-1] = value

    def on_feed(self, value: int) -> None:
        self.close()
        self._feed = _Feed(value, self._fresh_packet)
        self._fresh_packet = False

    def on_tick(self, _: int) -> None:
        self.close()

    def on_timer(self, _: int) -> None:
        self._fresh_packet = False

    def on_frame(self, value: int) -> None:
        assert self._feed is not None
        self._feed.frames.append(value)

    def on_lost(self, _: int) -> None:
        assert self._feed is not None
        self._feed.lost = True

    def on_silence(self, _: int) -> None:
        """It is fed, and seen in what is resampled."""

    def on_decoded(self, value: int) -> None:
        if self._feed is not None:
            self._feed.decoded.append(value)

    def on_resampled(self, value: int) -> None:
        feed = self._feed
        if feed is not None:
            fresh = len(feed.decoded) > sum(which is not None for _, which in feed.made)
            feed.made.append((value, len(feed.decoded) - 1 if fresh else None))

    def on_sent(self, value: int) -> None:
        if self._feed is not None:
            self._feed.sent.append(value)
        self.appends += 1

    def on_message(self, value: int) -> None:
        self._message = value

    def on_push(self, value: int) -> None:
        self._push, self._is_first = value, False

    def on_first_push(self, value: int) -> None:
        self._push, self._is_first = value, True

    def on_pushed(self, value: int) -> None:
        self.encode.append(value - self._push)
        if self._is_first or self._pushes:
            self._pushes.append((self._message, self._push, value))

    def on_packet(self, value: int) -> None:
        self._packet = value

    def on_packet_number(self, value: int) -> None:
        if value & 1 and self._pushes:
            self.replies.append((*self._pushes[0], self._packet))
        self._pushes.clear()

    def close(self) -> None:
        """The notes of one feed are complete: who is who in it."""
        feed, self._feed = self._feed, None
        if feed is None:
            return
        complete = len(feed.frames) == len(feed.decoded) and len(feed.made) == len(feed.sent)
        if not complete:
            self.unattributed += len(feed.frames)
            return
        first_append = self.appends - len(feed.sent)
        for place, ((resampled, which), sent) in enumerate(zip(feed.made, feed.sent, strict=True)):
            if which is None:
                continue
            packet = bisect_right(self.read, feed.frames[which]) - 1
            held = not feed.by_packet or packet != len(self.read) - 1
            self.rows.append(
                (
                    packet,
                    feed.ns,
                    feed.decoded[which],
                    resampled,
                    sent,
                    first_append + place,
                    held,
                    held and feed.lost,
                )
            )


_HANDLERS = {int(note): f"on_{note.name.lower()}" for note in Note}


def read(notes: Sequence[int], wall: clock.WallClock) -> Trace:
    """The notes of one call, from `CallTrace.notes`."""
    reader = _Reader()
    handlers: dict[int, Any] = {number: getattr(reader, name) for number, name in _HANDLERS.items()}
    for what, value in zip(notes[0::2], notes[1::2], strict=True):
        handlers[what](value)
    reader.close()
    rows = np.array(reader.rows, np.int64).reshape(-1, 8).T
    replies = np.array(reader.replies, np.int64).reshape(-1, 4).T
    return Trace(
        packets=Packets(
            kernel_ns=wall.to_monotonic(np.array(reader.kernel, np.int64)),
            read_ns=np.array(reader.read, np.int64),
            parsed_ns=np.array(reader.parsed, np.int64),
            number=np.array(reader.number, np.int64),
        ),
        uplink=Uplink(
            rows[0],
            rows[1],
            rows[2],
            rows[3],
            rows[4],
            rows[5],
            held=rows[6].astype(bool),
            given_up=rows[7].astype(bool),
        ),
        replies=Replies(*replies),
        encode_ns=np.array(reader.encode, np.int64),
        appends=reader.appends,
        unattributed=reader.unattributed,
    )


def same_packets(sent: Sequence[int], arrived: Nanoseconds) -> Nanoseconds:
    """For each packet that arrived, its place among those sent; -1 where there is none.

    Both are sequence numbers. Between two sockets of one machine packets may be dropped, but not
    overtake each other, so each arrival is the next one sent with that number.
    """
    places = np.full(len(arrived), -1, np.int64)
    at = 0
    for row, sequence in enumerate(arrived.tolist()):
        if sequence < 0:
            continue
        probe = at
        while probe < len(sent) and sent[probe] != sequence:
            probe += 1
        if probe < len(sent):
            places[row] = probe
            at = probe + 1
    return places
