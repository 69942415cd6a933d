"""What one step of a load was like, from the notes of callers and engine."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from sipua.bench.common.clock import Nanoseconds
from sipua.bench.load.callers import Notes
from sipua.bench.load.speech import Loop
from sipua.bench.replay import measure
from sipua.bench.replay.engine_side import SessionRecord
from sipua.bench.replay.phones import Heard

Floats = npt.NDArray[np.float64]


@dataclass(slots=True)
class Window:
    """All calls of a step together."""

    up_ms: Floats
    down_ms: Floats
    spacing_ms: Floats
    drift_ppm: float | None
    sent: int  # frames that should have arrived
    missing: int  # of them: not arrived, or changed
    heard: int  # packets of the edge


def figures(
    notes: Notes,
    sessions: Mapping[str, SessionRecord],
    session_of: Mapping[str, str],
    loop: Loop,
    within_ns: tuple[int, int],
) -> Window:
    up, down, spacing = [], [], []
    sent = missing = heard_packets = 0
    for call_id, heard in notes.heard.items():
        record = sessions.get(session_of.get(call_id, ""))
        left = np.array(heard.sent_ns, np.int64)
        inside = (left >= within_ns[0]) & (left < within_ns[1])
        if not inside.any():
            continue
        sent += int(inside.sum())
        heard_packets += len(heard.sequence)
        spacing.append(measure.spacing_error_ms(heard, notes.wall))
        if record is None:
            missing += int(inside.sum())
            continue
        delay_ms = latencies_ms(heard, record, loop)[inside]
        arrived = ~np.isnan(delay_ms)
        missing += int((~arrived).sum())
        up.append(delay_ms[arrived])
        talk = np.array(record.talk_ns, np.int64)
        down.append(measure.engine_to_ear_ms(talk, heard, notes.wall))
    return Window(
        _joined(up),
        _joined(down),
        _joined(spacing),
        measure.median_drift_ppm(list(notes.heard.values()), notes.wall),
        sent,
        missing,
        heard_packets,
    )


def latencies_ms(heard: Heard, record: SessionRecord, loop: Loop) -> Floats:
    """For each frame that was sent: how long until the engine had it; NaN if it never did."""
    left = np.array(heard.sent_ns, np.int64)
    delay = np.full(len(left), np.nan)
    places = np.array([loop.place_by_crc.get(crc, -1) for crc in record.append_crc], np.int64)
    arrived = np.array(record.append_ns, np.int64)
    # What came after the last note of sending may belong to a frame that is not noted here.
    ours = (places >= 0) & (arrived <= left[-1])
    arrived = arrived[ours]
    which = _frame_of(left, heard.first, arrived, places[ours], len(loop.frames))
    known = which >= 0
    delay[which[known]] = (arrived[known] - left[which[known]]) / 1e6
    return delay


def _frame_of(
    left: Nanoseconds, first: int, arrived: Nanoseconds, place: Nanoseconds, length: int
) -> Nanoseconds:
    """The latest frame sent before each arrival that has its place in the loop; -1: too old."""
    latest = np.searchsorted(left, arrived, side="right") - 1
    back = (first + latest - place) % length
    return np.maximum(latest - back, -1)


def _joined(parts: list[Floats]) -> Floats:
    return np.concatenate(parts) if parts else np.empty(0)
