"""Two RTP sessions with RTCP, and a network between them, in simulated time.

Each party has a clock of its own that runs `drift_ppm` fast, sends a packet in each of its 20 ms,
and its reports when they are due. The network is seeded: the same loss and jitter each time.
"""

import heapq
import itertools
import random
from dataclasses import dataclass, field

from sipua.rtp.events import Address, RtpEvent
from sipua.rtp.rtcp.session import Control, RtcpSession
from sipua.rtp.session.session import RtpSession
from support.media.rtp_session import make_session

WALL_S = 1_700_000_000.0


@dataclass
class Party:
    name: str
    address: Address
    peer: Address
    drift_ppm: float = 0.0
    talks: bool = True
    loss: float = 0.0
    """Of what it sends."""
    muxed: bool = False
    begins_s: float = 0.0
    """What its clock shows when the simulation begins."""
    events: list[RtpEvent] = field(default_factory=list)
    controls: list[Control] = field(default_factory=list)

    def __post_init__(self) -> None:
        ssrc = int.from_bytes(self.name.encode())
        self.rtcp = RtcpSession(
            ssrc=ssrc, wall_s=WALL_S, now=self.begins_s, rng=random.Random(ssrc)
        )
        self.rtcp.set_remote(None, self.muxed)
        self.session: RtpSession = make_session(
            remote=self.peer,
            signalling_ip=self.peer[0],
            ssrc=ssrc,
            rtcp=self.rtcp,
            now=self.begins_s,
        )

    def clock(self, at: float) -> float:
        return self.begins_s + at * (1 + self.drift_ppm * 1e-6)

    def when(self, clock: float) -> float:
        return (clock - self.begins_s) / (1 + self.drift_ppm * 1e-6)

    @property
    def told(self) -> dict[str, float]:
        """The figures; those that were measured."""
        stats = self.session.stats()["rtcp"]
        assert isinstance(stats, dict)
        return stats


class PooledSession:
    def __init__(
        self, one: Party, other: Party, *, delay_ms: float = 20, jitter_ms: float = 0, seed: int = 1
    ) -> None:
        self.parties = {one.address[0]: one, other.address[0]: other}
        self._delay_ms, self._jitter_ms = delay_ms, jitter_ms
        self._random = random.Random(seed)
        self._queue: list[tuple[float, int, Party, str, bytes, Address]] = []
        self._order = itertools.count()
        self._frames = dict.fromkeys(self.parties, 0)
        for party in self.parties.values():
            self._at(0.0, party, "frame")
            self._at(party.when(party.rtcp.due), party, "report")

    def run(self, until_s: float) -> None:
        while self._queue and self._queue[0][0] <= until_s:
            at, _, party, what, datagram, source = heapq.heappop(self._queue)
            now = party.clock(at)
            if what == "frame":
                self._frame(party, at)
            elif what == "report":
                party.events.extend(party.session.handle_timer(now))
                self.carry(party, party.session.take_control(), at)
                self._at(party.when(party.rtcp.due), party, "report")
            elif what == "rtp":
                party.events.extend(party.session.receive(datagram, source, now))
            else:
                party.events.extend(party.session.receive_control(datagram, source, now))

    def carry(self, party: Party, control: Control | None, at: float) -> None:
        if control is not None:
            party.controls.append(control)
            source = (party.address[0], party.address[1] + (not control.muxed))
            self._deliver(control.datagram, control.target, source, at)

    def _frame(self, party: Party, at: float) -> None:
        if party.talks:
            packet = party.session.send(b"\xff" * 160, 160)
            if packet is not None and self._random.random() >= party.loss:
                self._deliver(packet[0], packet[1], party.address, at)
        self._frames[party.address[0]] += 1
        frames = self._frames[party.address[0]]
        self._at(party.when(party.begins_s + frames * 0.02), party, "frame")

    def _deliver(self, datagram: bytes, target: Address, source: Address, at: float) -> None:
        party = self.parties[target[0]]
        delay_s = (self._delay_ms + self._random.uniform(0, self._jitter_ms)) / 1000
        if target == party.address:
            self._at(at + delay_s, party, "rtp", datagram, source)
        elif target == (party.address[0], party.address[1] + 1):
            self._at(at + delay_s, party, "rtcp", datagram, source)

    def _at(
        self, at: float, party: Party, what: str, datagram: bytes = b"", source: Address = ("", 0)
    ) -> None:
        heapq.heappush(self._queue, (at, next(self._order), party, what, datagram, source))


US, THEM = ("192.0.2.1", 16000), ("198.51.100.7", 40000)


def us(**how: object) -> Party:
    return Party("us", US, THEM, **how)  # type: ignore[arg-type]  # passed on


def them(**how: object) -> Party:
    return Party("them", THEM, US, **how)  # type: ignore[arg-type]  # passed on
