"""Telephone events as RFC 4733 words them, written apart from the product's own code."""

import struct
from collections.abc import Iterable
from dataclasses import dataclass, replace

KEYS = "0123456789*#ABCD"


@dataclass(frozen=True)
class EventPacket:
    at: float
    sequence: int
    timestamp: int
    marker: bool
    payload: bytes
    ssrc: int = 0x5EED

    @property
    def datagram(self) -> bytes:
        second = 101 | (0x80 if self.marker else 0)
        header = struct.pack(
            "!BBHII", 0x80, second, self.sequence & 0xFFFF, self.timestamp & 0xFFFFFFFF, self.ssrc
        )
        return header + self.payload


def block(key: str, duration: int, *, end: bool = False, volume: int = 10) -> bytes:
    return struct.pack("!BBH", KEYS.index(key), (0x80 if end else 0) | volume, duration)


def press(
    key: str,
    *,
    at: float = 0.0,
    timestamp: int = 8000,
    sequence: int = 100,
    duration_ms: int = 100,
    step_ms: int = 20,
    ends: int = 3,
    ends_at_once: bool = False,
    one_number_for_ends: bool = False,
    ssrc: int = 0x5EED,
) -> list[EventPacket]:
    """One key: updates every `step_ms`, then the end packets; long ones in segments (§2.5.1.3)."""
    packets = []
    total = duration_ms * 8
    step = step_ms * 8
    begin, elapsed, number = timestamp, 0, sequence
    while True:
        elapsed = min(elapsed + step, total)
        while timestamp + elapsed - begin > 0xFFFF:
            begin += 0xFFFF
        last = elapsed == total
        payload = block(key, timestamp + elapsed - begin, end=last)
        sent_at = at + (elapsed - step) / 8000
        marker = number == sequence
        packets.append(EventPacket(sent_at, number, begin, marker, payload, ssrc))
        number += 1
        if last:
            break
    final = packets[-1]
    later_s = 0.0 if ends_at_once else step_ms / 1000
    return packets + [
        replace(
            final,
            at=final.at + again * later_s,
            sequence=final.sequence + (0 if one_number_for_ends else again),
            marker=False,
        )
        for again in range(1, ends)
    ]


def without(packets: Iterable[EventPacket], *places: int) -> list[EventPacket]:
    kept = list(packets)
    gone = {place % len(kept) for place in places}
    return [packet for index, packet in enumerate(kept) if index not in gone]
