"""From what the processes of a replay have noted to the figures of a result."""

from __future__ import annotations

import datetime as dt
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt

from sipua.bench.common.clock import Nanoseconds, WallClock
from sipua.bench.replay import trace
from sipua.bench.replay.phones import Heard
from sipua.bench.replay.replay import Recording, is_events, ptime_ms
from sipua.bench.replay.trace import Trace
from sipua.bench.results import emodel, machine, verdict
from sipua.bench.results.result import (
    Cost,
    Downlink,
    Health,
    Quality,
    Reorder,
    Result,
    Source,
    Spread,
    Uplink,
    Verdict,
)

Floats = npt.NDArray[np.float64]

_ANSWER_WITHIN_NS = 500_000_000
_FRAME_MS = 20.0
_DRIFT_SILENCE = 50  # packets
_DRIFT_SPAN_S = 120.0  # a lead of up to 20 ms that is taken for drift is then at most 170 ppm


def traces(recording: Recording) -> list[Trace]:
    edge = recording.edge
    return [trace.read(notes, edge.wall) for notes in edge.notes]  # type: ignore[arg-type]


def result(recording: Recording, found: Sequence[Trace], command: str, load: float) -> Result:
    up, down = uplink_values(recording, found), downlink_values(recording, found)
    made = Result(
        kind="capture",
        made_at=dt.datetime.now(dt.UTC).isoformat(timespec="seconds"),
        command=command,
        calls=recording.options.calls,
        seconds=round(recording.edge.seconds, 3),
        engine="local" if recording.engine is not None else "remote",
        machine=machine.describe(load),
        verdict=Verdict("unknown", "unknown", ""),
        source=source(recording),
        uplink=Uplink(**{name: Spread.of(values) for name, values in up.items()}),
        downlink=Downlink(
            **{name: Spread.of(values) for name, values in down.items()},
            drift_ppm=median_drift_ppm(recording.heard, recording.phone_wall),
            packets=sum(len(heard.sequence) for heard in recording.heard),
        ),
        reorder=reorder(recording, found),
        cost=cost(recording),
        health=health(recording, found),
    )
    made = with_changes(made, quality=quality(recording, found, made))
    return with_changes(made, verdict=verdict.judge(made))


def source(recording: Recording) -> Source:
    stream, options = recording.stream, recording.options
    return Source(
        file=options.file.name,
        stream=stream.number,
        codec="telephone-event" if is_events(stream) else recording.law.name,
        ptime_ms=ptime_ms(stream),
        packets=len(stream.packets),
        duration_s=round(stream.duration_s, 3),
        lost=stream.lost,
        jitter_ms=round(stream.jitter_ms, 3),
        impairment=str(options.impairment) if options.impairment else "",
        speed=options.speed,
    )


STEPS = (
    "socket_to_read_ms",
    "read_to_parsed_ms",
    "parsed_to_released_ms",
    "released_to_decoded_ms",
    "decoded_to_resampled_ms",
    "resampled_to_sent_ms",
)


def uplink_values(recording: Recording, found: Sequence[Trace]) -> dict[str, Floats]:
    """Every single delay, by the names of `Uplink`."""
    values: dict[str, list[Floats]] = {name: [] for name in Uplink.__struct_fields__}
    for call in found:
        rows, packets = call.uplink, call.packets
        prompt = ~rows.held
        of = rows.packet[prompt]
        stamps = [
            packets.kernel_ns[of],
            packets.read_ns[of],
            packets.parsed_ns[of],
            rows.feed_ns[prompt],
            rows.decoded_ns[prompt],
            rows.resampled_ns[prompt],
            rows.sent_ns[prompt],
        ]
        for name, (before, after) in zip(STEPS, pairwise(stamps), strict=True):
            values[name].append((after - before) / 1e6)
        values["socket_to_sent_ms"].append((stamps[-1] - stamps[0]) / 1e6)
        held = (rows.sent_ns - packets.kernel_ns[rows.packet])[rows.held] / 1e6
        values["held_socket_to_sent_ms"].append(held)
    values["mouth_to_engine_ms"] = [mouth_to_engine_ms(recording, found)]
    return {name: _joined(parts) for name, parts in values.items()}


def mouth_to_engine_ms(recording: Recording, found: Sequence[Trace]) -> Floats:
    """From the phone's send call to the engine's process; to the websocket with another engine."""
    values = []
    for number, call in enumerate(found):
        heard = recording.heard[number]
        places = trace.same_packets(heard.sent_sequence, call.packets.sequence)
        place = places[call.uplink.packet]
        known = place >= 0
        if recording.engine is None:
            there = call.uplink.sent_ns
        else:
            arrivals = np.array(recording.engine[number].append_ns, np.int64)
            if _dropped(recording.edge.stats[number]):
                continue  # an append that never left, and no note of which one
            known &= call.uplink.append < len(arrivals)
            there = arrivals[np.minimum(call.uplink.append, max(len(arrivals) - 1, 0))]
        left = np.array(heard.sent_ns, np.int64)
        values.append((there[known] - left[place[known]]) / 1e6)
    return _joined(values)


def downlink_values(recording: Recording, found: Sequence[Trace]) -> dict[str, Floats]:
    """Every single delay, by the names of `Downlink`."""
    wall = recording.phone_wall
    values: dict[str, list[Floats]] = {
        "message_to_audio_ms": [],
        "audio_to_encoded_ms": [],
        "delta_to_packet_ms": [],
        "engine_to_ear_ms": [],
        "spacing_error_ms": [],
    }
    for number, call in enumerate(found):
        replies, heard = call.replies, recording.heard[number]
        values["message_to_audio_ms"].append((replies.push_ns - replies.message_ns) / 1e6)
        values["audio_to_encoded_ms"].append(call.encode_ns / 1e6)
        values["delta_to_packet_ms"].append((replies.packet_ns - replies.message_ns) / 1e6)
        values["spacing_error_ms"].append(spacing_error_ms(heard, wall))
        if recording.engine is not None:
            talk = np.array(recording.engine[number].talk_ns, np.int64)
            values["engine_to_ear_ms"].append(engine_to_ear_ms(talk, heard, wall))
    return {name: _joined(parts) for name, parts in values.items()}


def _long_silence(silent: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
    """Packets behind a second of silence and more."""
    place = np.arange(len(silent))
    last_voice = np.maximum.accumulate(np.where(silent, -1, place))
    long: npt.NDArray[np.bool_] = place - last_voice > _DRIFT_SILENCE
    return long


def median_drift_ppm(heard: Sequence[Heard], wall: WallClock) -> float | None:
    found = [drift_ppm(each, wall) for each in heard]
    known = [ppm for ppm in found if ppm is not None]
    return round(float(np.median(known)), 2) if known else None


def spacing_error_ms(heard: Heard, wall: WallClock) -> Floats:
    """How far from 20 ms our packets are apart, as the phone's kernel got them.

    Left out are the two places where it is meant to differ: the first packet of a talkspurt leaves
    early, and the first of the silence behind it waits until that is repaid.
    """
    if len(heard.sequence) < 2:
        return np.empty(0)
    at_ms = wall.to_monotonic(np.array(heard.arrival_wall_ns, np.int64)) / 1e6
    sequence, stamp = (np.array(column, np.int64) for column in (heard.sequence, heard.timestamp))
    marker, silent = (np.array(column, bool) for column in (heard.marker, heard.silent))
    next_one = (np.diff(sequence) & 0xFFFF) == 1
    step = np.diff(stamp) & 0xFFFFFFFF
    even = next_one & (step <= 1000) & ~marker[1:] & ~(silent[1:] & ~silent[:-1])
    error: Floats = np.abs(np.diff(at_ms) - step / 8)[even]
    return error


def drift_ppm(heard: Heard, wall: WallClock) -> float | None:
    """Our sending clock against the machine's; None for less than two minutes.

    By long silence, which carries no lead (a pause in a reply does), and by the most punctual
    packets at the beginning and at the end: a packet can be late, but not early.
    """
    silent = _long_silence(np.array(heard.silent, bool))
    if not silent.any():
        return None
    at_s = wall.to_monotonic(np.array(heard.arrival_wall_ns, np.int64))[silent] / 1e9
    stamp = np.array(heard.timestamp, np.int64)
    media_s = ((stamp - stamp[0]) & 0xFFFFFFFF)[silent] / 8000
    span_s = media_s[-1] - media_s[0]
    if span_s < _DRIFT_SPAN_S:
        return None
    behind = at_s - media_s
    first, last = media_s < media_s[0] + span_s / 4, media_s > media_s[-1] - span_s / 4
    begin, end = int(np.argmin(behind[first])), int(np.argmin(behind[last]))
    gained = behind[last][end] - behind[first][begin]
    return float(gained / (media_s[last][end] - media_s[first][begin]) * 1e6)


def engine_to_ear_ms(talk_ns: Nanoseconds, heard: Heard, wall: WallClock) -> Floats:
    """From the first delta of a response to the packet with the marker bit that it led to."""
    if not len(talk_ns) or not heard.sequence:
        return np.empty(0)
    arrived = wall.to_monotonic(np.array(heard.arrival_wall_ns, np.int64))
    marked = arrived[np.array(heard.marker, bool)]
    before = np.searchsorted(talk_ns, marked, side="right") - 1
    waited = marked - talk_ns[np.maximum(before, 0)]
    first = np.ones(len(before), bool)
    first[1:] = before[1:] != before[:-1]
    delay: Floats = waited[(before >= 0) & first & (waited < _ANSWER_WITHIN_NS)] / 1e6
    return delay


def reorder(recording: Recording, found: Sequence[Trace]) -> Reorder:
    sums: dict[str, int] = {}
    refused: dict[str, int] = {}
    for stats in recording.edge.stats:
        rtp: Mapping[str, Any] = stats["rtp"]  # type: ignore[assignment]
        for each in rtp["streams"]:
            for name in ("expected", "received", "lost", "late", "duplicates", "reordered"):
                sums[name] = sums.get(name, 0) + each[name]
        for reason, count in rtp["dropped"].items():
            refused[reason] = refused.get(reason, 0) + count
        up: Mapping[str, int] = stats["uplink"]  # type: ignore[assignment]
        for name in ("concealed_ms", "silence_fed_ms"):
            sums[name] = sums.get(name, 0) + up[name]
    held = sum(int(call.uplink.held.sum()) for call in found)
    given_up = sum(int(call.uplink.given_up.sum()) for call in found)
    return Reorder(
        **sums,
        digits=recording.edge.digits,
        held=held,
        held_until_filled=held - given_up,
        held_until_given_up=given_up,
        max_depth=max((int(depth(call)[1].max(initial=0)) for call in found), default=0),
        refused=refused,
    )


def depth(call: Trace) -> tuple[Nanoseconds, npt.NDArray[np.int64]]:
    """When the number of packets that wait changes, and to what."""
    rows = call.uplink
    came = call.packets.read_ns[rows.packet[rows.held]]
    left = rows.feed_ns[rows.held]
    at = np.concatenate((came, left))
    change = np.concatenate((np.ones(len(came), np.int64), -np.ones(len(left), np.int64)))
    order = np.lexsort((-change, at))
    return at[order], np.cumsum(change[order])


def lost_packets(recording: Recording, call: Trace) -> list[bool]:
    """Of each packet that the sender numbered: whether its audio was missing when its turn came."""
    number = call.packets.sequence
    if not len(number) or number.max() < 0:
        return []
    steps = (np.diff(number) + 0x8000 & 0xFFFF) - 0x8000
    line = np.concatenate(([0], np.cumsum(steps)))
    audio = call.packets.payload_type == recording.stream.payload_type
    there = np.zeros(len(line), bool)
    there[call.uplink.packet] = True
    there |= ~audio  # events and comfort noise are not speech
    line -= line.min()
    heard = np.zeros(int(line.max()) + 1, bool)
    heard[line[there]] = True
    return [not each for each in heard.tolist()]


def quality(recording: Recording, found: Sequence[Trace], made: Result) -> Quality | None:
    if recording.options.speed != 1:
        return None  # no line sends so: what comes too early or too late is the speed's doing
    lost = [each for call in found for each in lost_packets(recording, call)]
    if not lost or not made.uplink.mouth_to_engine_ms.count:
        return None
    share = sum(lost) / len(lost)
    ratio = emodel.burst_ratio(lost)
    delay_ms = ptime_ms(recording.stream) + made.uplink.mouth_to_engine_ms.p95
    r = emodel.rating(delay_ms, share, ratio, emodel.BPL_CONCEALED)
    without = emodel.rating(delay_ms, share, ratio, emodel.BPL_SILENCE)
    return Quality(
        mos=round(emodel.mos(r), 2),
        mos_without_concealment=round(emodel.mos(without), 2),
        r=round(r, 1),
        delay_ms=round(delay_ms, 2),
        loss_percent=round(100 * share, 3),
        burst_ratio=round(ratio, 2),
    )


def cost(recording: Recording) -> Cost:
    edge, calls = recording.edge, recording.options.calls
    share = 100 * edge.cpu_s / edge.seconds if edge.seconds else 0.0
    frames = edge.seconds * 1000 / _FRAME_MS * calls
    return Cost(
        cpu_percent=round(share, 2),
        cpu_percent_per_call=round(share / calls, 4),
        cpu_us_per_frame=round(edge.cpu_s * 1e6 / frames, 1) if frames else 0.0,
        calls_per_core=int(100 / (share / calls)) if share else 0,
        memory_mb=round(edge.memory_mb, 1),
        memory_mb_per_call=0.0,
        probes=recording.options.probed,
    )


def health(recording: Recording, found: Sequence[Trace]) -> Health:
    stats = recording.edge.stats
    return Health(
        dropped_audio=sum(_dropped(each) for each in stats),
        send_errors=sum(_unsent(each) for each in stats),
        pacer_stalls=int(recording.edge.pacer["stalls"]),
        generator_late_ms=round(recording.phone_late_ns / 1e6, 2),
        unattributed=sum(call.unattributed for call in found),
    )


def _dropped(stats: Mapping[str, Any]) -> int:
    return int(stats["engine"].get("audio_dropped", 0)) + int(stats["engine"]["audio_unready"])


def _unsent(stats: Mapping[str, Any]) -> int:
    return int(stats["transport"]["send_errors"]) + int(stats["transport"]["send_blocked"])


def _joined(parts: Sequence[Floats]) -> Floats:
    return np.concatenate(parts) if parts else np.empty(0)


def with_changes(made: Result, **changes: Any) -> Result:
    fields = {name: getattr(made, name) for name in made.__struct_fields__}
    return Result(**{**fields, **changes})
