"""What the report's plots show of the first call, as arrays."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from sipua.bench.replay import measure
from sipua.bench.replay.replay import Recording, is_events, ptime_ms
from sipua.bench.replay.trace import Trace
from sipua.bench.report import spectrogram
from sipua.codecs.g711 import decode
from sipua.codecs.pcm import Pcm

Floats = npt.NDArray[np.float64]
_LONGEST_S = 3600


@dataclass(slots=True)
class Timeline:
    """Each packet that came: when, and how much later than the fastest one."""

    at_s: Floats
    behind_ms: Floats
    held_ms: Floats  # 0: passed at once
    given_up: npt.NDArray[np.bool_]
    dropped: npt.NDArray[np.bool_]  # late or duplicate
    lost_at_s: Floats  # where in the stream packets never came


@dataclass(slots=True)
class Pictures:
    timeline: Timeline
    depth_at_s: Floats
    depth: npt.NDArray[np.int64]
    delays: dict[str, Floats]  # by the names of `Uplink` and `Downlink`, of all calls
    received: spectrogram.Pixels | None
    engine: spectrogram.Pixels | None
    seconds: float
    received_seconds: float
    engine_seconds: float


def of_call(recording: Recording, traces: Sequence[Trace]) -> Pictures:
    first = traces[0]
    origin = int(first.packets.read_ns[0]) if len(first.packets.read_ns) else 0
    at_ns, depth = measure.depth(first)
    heard = _received(recording, first)
    engine = np.frombuffer(b"".join(recording.edge.audio), np.int16)
    shown = timeline(recording, first, origin)
    return Pictures(
        timeline=shown,
        depth_at_s=(at_ns - origin) / 1e9,
        depth=depth,
        delays=measure.uplink_values(recording, traces)
        | measure.downlink_values(recording, traces),
        received=spectrogram.picture(heard[0], 8000, heard[1]) if len(heard[0]) else None,
        engine=spectrogram.picture(engine, 24_000) if len(engine) else None,
        seconds=float(shown.at_s.max(initial=0.1)),
        received_seconds=len(heard[0]) / 8000,
        engine_seconds=len(engine) / 24_000,
    )


def timeline(recording: Recording, call: Trace, origin: int) -> Timeline:
    packets, rows = call.packets, call.uplink
    count = len(packets.read_ns)
    at_s = (packets.kernel_ns - origin) / 1e9
    held_ms = np.zeros(count)
    held = rows.held
    held_ms[rows.packet[held]] = (rows.feed_ns - packets.read_ns[rows.packet])[held] / 1e6
    given_up = np.zeros(count, bool)
    given_up[rows.packet[rows.given_up]] = True
    audio = packets.payload_type == recording.stream.payload_type
    dropped = audio.copy()
    dropped[rows.packet] = False
    place = _line(packets.sequence)
    step_s = ptime_ms(recording.stream) / 1000 / recording.options.speed
    behind = at_s - place * step_s
    lost = measure.lost_packets(recording, call)
    fastest = behind.min(initial=0.0) if count else 0.0
    came = set(place.tolist())
    lost_at = [n * step_s + fastest for n, each in enumerate(lost) if each and n not in came]
    return Timeline(
        at_s=at_s,
        behind_ms=(behind - fastest) * 1000,
        held_ms=held_ms,
        given_up=given_up,
        dropped=dropped,
        lost_at_s=np.array(lost_at),
    )


def _line(sequence: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Numbers without the wrap, from 0."""
    if not len(sequence):
        return sequence
    steps = ((np.diff(sequence) + 0x8000) & 0xFFFF) - 0x8000
    line = np.concatenate(([0], np.cumsum(steps)))
    place: npt.NDArray[np.int64] = line - line.min()
    return place


def _received(recording: Recording, call: Trace) -> tuple[Pcm, npt.NDArray[np.bool_]]:
    """What came, on the sender's clock; and where nothing did."""
    script = recording.scripts[0]
    packets = [recording.packets[index] for index in script.index]
    audio = [p for p in packets if p[1] & 0x7F == recording.stream.payload_type and len(p) > 12]
    if not audio or is_events(recording.stream):
        return np.zeros(0, np.int16), np.zeros(0, bool)
    stamps = np.array([int.from_bytes(packet[4:8]) for packet in audio], np.int64)
    at = np.concatenate(([0], np.cumsum(((np.diff(stamps) + 2**31) & 0xFFFFFFFF) - 2**31)))
    at -= at.min()
    longest = min(int(at.max()) + 4000, _LONGEST_S * 8000)
    sound, missing = np.zeros(longest, np.int16), np.ones(longest, bool)
    end = 0
    for place, packet in zip(at.tolist(), audio, strict=True):
        pcm = decode(recording.law, packet[12:])[: max(0, longest - place)]
        sound[place : place + len(pcm)] = pcm
        missing[place : place + len(pcm)] = False
        end = max(end, place + len(pcm))
    return sound[:end], missing[:end]
