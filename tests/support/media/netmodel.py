"""A network in simulated time: the same seed, the same trouble.

A Talker makes the packets of a sender, a Network decides when and how often each arrives, and
play() feeds a session with them the way a transport does, timers included.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from itertools import pairwise

from sipua.bench.replay import network
from sipua.rtp.events import Address, Frame, Lost, RtpEvent, Silence
from sipua.rtp.packet import build
from sipua.rtp.session.session import RtpSession

PEER: Address = ("198.51.100.7", 40000)
FRAME_MARK = 4  # bytes of the payload that say which frame it is


@dataclass(frozen=True)
class Packet:
    at: float
    """When it leaves, or arrives."""
    datagram: bytes
    index: int
    source: Address = PEER


@dataclass(frozen=True)
class Talker:
    """A sender of G.711; each payload begins with its number, so that it can be known again."""

    ssrc: int = 0x5EED
    first_sequence: int = 1000
    first_timestamp: int = 160_000
    ptime_ms: int = 20
    payload_type: int = 0
    drift_ppm: float = 0
    source: Address = PEER

    def talk(self, count: int, start: float = 0.0, first: int = 0) -> list[Packet]:
        """Packets `first` to `first + count`; the first of them leaves at `start`."""
        samples = self.ptime_ms * 8
        step_s = self.ptime_ms / 1000 * (1 + self.drift_ppm * 1e-6)
        return [
            Packet(start + i * step_s, self.packet(first + i, samples), first + i, self.source)
            for i in range(count)
        ]

    def packet(self, index: int, samples: int = 160, *, timestamp: int | None = None) -> bytes:
        return build(
            index.to_bytes(FRAME_MARK) + b"\xff" * (samples - FRAME_MARK),
            payload_type=self.payload_type,
            sequence=self.first_sequence + index,
            timestamp=self.first_timestamp + index * samples if timestamp is None else timestamp,
            ssrc=self.ssrc,
        )


@dataclass(frozen=True)
class Network(network.Network):
    """The benchmark's, carrying packets."""

    def carry(self, packets: Iterable[Packet]) -> list[Packet]:
        """What arrives, in order of arrival."""
        sent = list(packets)
        return [
            replace(sent[index], at=at) for at, index in self.arrivals(packet.at for packet in sent)
        ]


@dataclass(frozen=True)
class Happened:
    at: float
    event: RtpEvent


def play(
    session: RtpSession, arrivals: Iterable[Packet], *, until: float | None = None
) -> list[Happened]:
    """Feed the session in simulated time; after the last packet go on to `until`, or until what is
    held has been released.
    """
    happened: list[Happened] = []
    now = 0.0

    def run_timers(limit: float) -> None:
        while (deadline := session.next_deadline()) is not None and deadline <= limit:
            due = max(now, deadline)
            happened.extend(Happened(due, event) for event in session.handle_timer(due))

    for packet in arrivals:
        run_timers(packet.at)
        now = packet.at
        events = session.receive(packet.datagram, packet.source, now)
        happened.extend(Happened(now, event) for event in events)
    run_timers(now + 1.0 if until is None else until)
    return happened


def audio(happened: Iterable[Happened]) -> list[int]:
    """The numbers of the frames that were heard."""
    return [
        int.from_bytes(item.event.payload[:FRAME_MARK])
        for item in happened
        if isinstance(item.event, Frame)
    ]


def samples(happened: Iterable[Happened]) -> dict[str, int]:
    """How the timeline was accounted for."""
    total = {"frames": 0, "lost": 0, "silence": 0}
    for item in happened:
        if isinstance(item.event, Frame):
            total["frames"] += len(item.event.payload)
        elif isinstance(item.event, Lost):
            total["lost"] += item.event.samples
        elif isinstance(item.event, Silence):
            total["silence"] += item.event.samples
    return total


def waits_ms(happened: Iterable[Happened]) -> list[float]:
    """How long each frame was held after it came."""
    return [
        (item.at - item.event.received_at) * 1000
        for item in happened
        if isinstance(item.event, Frame)
    ]


def widest_gap_ms(happened: Iterable[Happened]) -> float:
    """The longest time between two frames that were released."""
    times = [item.at for item in happened if isinstance(item.event, Frame)]
    return max(later - earlier for earlier, later in pairwise(times)) * 1000
