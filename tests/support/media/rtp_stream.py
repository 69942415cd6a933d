"""What one received RTP stream was like, computed from its packets and their arrival times."""

import struct
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from support.media import g711
from support.media.audio import Pcm

_HEADER = struct.Struct("!BBHII")
_SAMPLES_PER_MS = 8
_LONGEST_SAMPLES = 3600 * 8000

Int64s = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]


@dataclass(frozen=True, slots=True)
class RtpStream:
    """One stream in order of arrival. Sequence numbers and timestamps are unwrapped."""

    port: int  # ours
    sources: list[tuple[str, int]]  # who sent to it; more than one is a fault or an attack
    sent: int  # packets that we sent back
    malformed: int
    rtcp: int  # RTCP on the RTP port
    arrival_ms: Floats  # since the first packet
    started_at_s: float  # wall clock of the first packet
    sequence: Int64s
    timestamp: Int64s
    payload_type: Int64s
    ssrc: Int64s
    marker: npt.NDArray[np.bool_]
    payloads: list[bytes]

    @property
    def packets(self) -> int:
        return len(self.sequence)

    @property
    def duplicates(self) -> int:
        return self.packets - len(np.unique(self.sequence))

    @property
    def lost(self) -> int:
        """Sequence numbers between the first and the last that never came."""
        if not self.packets:
            return 0
        span = int(self.sequence.max() - self.sequence.min()) + 1
        return span - len(np.unique(self.sequence))

    @property
    def reordered(self) -> int:
        return int(np.sum(np.diff(self.sequence) < 0))

    @property
    def spacing_ms(self) -> Floats:
        """Between one arrival and the next."""
        return np.diff(self.arrival_ms)

    @property
    def lateness_ms(self) -> Floats:
        """How late each packet was on the clock of its own timestamps; the earliest has 0."""
        if not self.packets:
            return np.empty(0)
        due = (self.timestamp - self.timestamp[0]) / _SAMPLES_PER_MS
        behind: Floats = self.arrival_ms - due
        late: Floats = behind - behind.min()
        return late

    @property
    def timestamp_breaks(self) -> int:
        """Packets that follow in sequence, but not by the samples of the packet before."""
        samples = np.array([len(payload) for payload in self.payloads[:-1]], np.int64)
        follows = np.diff(self.sequence) == 1
        return int(np.sum(follows & (np.diff(self.timestamp) != samples)))

    def pcm(self) -> Pcm:
        """The sound on the timeline of its timestamps; what was lost is silence."""
        if not self.packets:
            return np.empty(0, np.int16)
        start = int(self.timestamp.min())
        length = int(self.timestamp.max()) - start + len(self.payloads[-1])
        if length > _LONGEST_SAMPLES:
            raise ValueError(f"timestamps span {length} samples: no sound is that long")
        line = np.zeros(length, np.int16)
        for timestamp, kind, payload in zip(
            self.timestamp, self.payload_type, self.payloads, strict=True
        ):
            if kind in (g711.PCMU, g711.PCMA):
                at = int(timestamp) - start
                sound = g711.decode(int(kind), payload)[: len(line) - at]
                line[at : at + len(sound)] = sound
        return line

    def summary(self) -> dict[str, object]:
        """For logs and JSON reports."""
        return {
            "port": self.port,
            "sources": [f"{host}:{port}" for host, port in self.sources],
            "received": self.packets,
            "sent": self.sent,
            "lost": self.lost,
            "duplicates": self.duplicates,
            "reordered": self.reordered,
            "timestamp_breaks": self.timestamp_breaks,
            "markers": int(self.marker.sum()),
            "malformed": self.malformed,
            "seconds": round(float(self.arrival_ms[-1]) / 1000, 3) if self.packets else 0.0,
            "lateness_ms": percentiles([self.lateness_ms]),
            "spacing_ms": percentiles([self.spacing_ms]),
        }


def percentiles(values: Sequence[Floats]) -> dict[str, float]:
    """p50, p99 and worst over any number of streams."""
    joined = np.concatenate(values) if values else np.empty(0)
    if not len(joined):
        return {}
    p50, p99, worst = np.percentile(joined, [50, 99, 100])
    return {"p50": round(float(p50), 3), "p99": round(float(p99), 3), "max": round(float(worst), 3)}


@dataclass(slots=True)
class Received:
    """The packets as they came, to be judged when time no longer matters."""

    port: int
    _data: list[bytes] = field(default_factory=list)
    _arrival_ns: list[int] = field(default_factory=list)

    def add(self, data: bytes, arrival_ns: int) -> None:
        self._data.append(data)
        self._arrival_ns.append(arrival_ns)

    @property
    def count(self) -> int:
        return len(self._data)

    def judge(self, *, sources: list[tuple[str, int]], sent: int) -> RtpStream:
        malformed = rtcp = 0
        headers, payloads, arrivals = [], [], []
        for data, arrival_ns in zip(self._data, self._arrival_ns, strict=True):
            if len(data) < _HEADER.size or data[0] != 0x80:  # we negotiate nothing beyond this
                malformed += 1
            elif 192 <= data[1] <= 223:  # RFC 5761, 4
                rtcp += 1
            else:
                headers.append(_HEADER.unpack_from(data))
                payloads.append(data[_HEADER.size :])
                arrivals.append(arrival_ns)
        table = np.array(headers, np.int64).reshape(-1, 5)
        at_ns = np.array(arrivals, np.int64)
        first_ns = int(at_ns[0]) if len(at_ns) else 0
        return RtpStream(
            port=self.port,
            sources=sources,
            sent=sent,
            malformed=malformed,
            rtcp=rtcp,
            arrival_ms=(at_ns - first_ns) / 1e6,
            started_at_s=first_ns / 1e9,
            sequence=unwrap(table[:, 2], 16),
            timestamp=unwrap(table[:, 3], 32),
            payload_type=table[:, 1] & 0x7F,
            ssrc=table[:, 4],
            marker=(table[:, 1] & 0x80) != 0,
            payloads=payloads,
        )


def unwrap(values: Int64s, bits: int) -> Int64s:
    """Steps of at most half the range, forward or back, without the wrap."""
    size = 1 << bits
    steps = (np.diff(values) + size // 2) % size - size // 2
    return np.concatenate([values[:1], values[:1] + np.cumsum(steps)]).astype(np.int64)
