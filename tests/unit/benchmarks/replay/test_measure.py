"""Figures from notes whose truth is known: even packets, leads, drifting clocks, lost frames."""

from __future__ import annotations

from array import array

import numpy as np
import pytest

from sipua.bench.common.clock import WallClock
from sipua.bench.load.figures import latencies_ms
from sipua.bench.load.speech import Loop, loop
from sipua.bench.replay import measure
from sipua.bench.replay.engine_side import SessionRecord
from sipua.bench.replay.phones import Heard
from sipua.bench.replay.replay import scripts, shifted

MS = 1_000_000
WALL = WallClock()
WALL.mark()
OFFSET_NS = 0 - int(WALL.to_monotonic(np.array([0], np.int64))[0])


def heard(at_ms: list[float], *, silent: list[bool], markers: tuple[int, ...] = ()) -> Heard:
    return Heard(
        arrival_wall_ns=array("q", (round(at * MS) + OFFSET_NS for at in at_ms)),
        sequence=array("q", range(65530, 65530 + len(at_ms))),
        timestamp=array("q", (n * 160 for n in range(len(at_ms)))),
        marker=array("b", (n in markers for n in range(len(at_ms)))),
        silent=array("b", silent),
    )


def test_spacing_error_of_even_and_uneven_packets() -> None:
    at = [0, 20, 40, 63, 80]
    error = measure.spacing_error_ms(heard(at, silent=[True] * 5), WALL)
    assert error == pytest.approx([0, 0, 3, 3])


def test_a_lead_and_its_repayment_are_no_error() -> None:
    """The first packet of a talkspurt leaves early by intent, and the silence behind it waits."""
    at = [0, 20, 27, 47, 80, 100]
    silent = [True, True, False, False, True, True]
    error = measure.spacing_error_ms(heard(at, silent=silent, markers=(2,)), WALL)
    assert error == pytest.approx([0, 0, 0])


def test_drift_is_told_from_lateness() -> None:
    rng = np.random.default_rng(1)
    late = rng.exponential(2, 9000) * (np.arange(9000) % 7 > 0)
    at = [n * 20 * 1.0002 + late[n] for n in range(9000)]
    assert measure.drift_ppm(heard(at, silent=[True] * 9000), WALL) == pytest.approx(200, abs=3)
    assert measure.drift_ppm(heard(at[:3000], silent=[True] * 3000), WALL) is None
    assert measure.drift_ppm(heard(at, silent=[n % 40 > 0 for n in range(9000)]), WALL) is None


def test_engine_to_ear_pairs_each_answer_once() -> None:
    talk = np.array([100, 400, 5000], np.int64) * MS
    at = [90, 102.0, 120, 405.5, 420, 430]
    ears = heard(at, silent=[False] * 6, markers=(1, 3, 4))
    assert measure.engine_to_ear_ms(talk, ears, WALL) == pytest.approx([2.0, 5.5])


def test_frames_are_paired_by_what_they_became() -> None:
    made = Loop([b""] * 4, {100: 0, 101: 1, 102: 2, 103: 3})
    phone = Heard(first=2, sent_ns=array("q", (n * 20 * MS for n in range(8))))
    # Sent: places 2 3 0 1 2 3 0 1. The second is changed on its way, the fourth never arrives.
    arrived = [(1, 102), (21, 999), (45, 100), (83, 102), (101, 103)]
    record = SessionRecord(
        append_ns=array("q", (at * MS for at, _ in arrived)),
        append_crc=array("q", (crc for _, crc in arrived)),
    )
    delay = latencies_ms(phone, record, made)
    assert delay[[0, 2, 4, 5]] == pytest.approx([1, 5, 3, 1])
    assert np.isnan(delay[[1, 3, 6, 7]]).all()


def test_no_two_frames_of_the_load_are_alike() -> None:
    made = loop()
    assert len(set(made.frames)) == len(made.frames) == len(made.place_by_crc)
    assert {len(frame) for frame in made.frames} == {160}


def test_a_repeated_stream_goes_on_where_it_ended() -> None:
    packet = bytes.fromhex("8000ffffffffff600000002a") + b"x"
    again = shifted(packet, 2, 320)
    assert again == bytes.fromhex("80000001000000a00000002a") + b"x"


def test_calls_are_spread_and_each_is_complete() -> None:
    times = [n * 0.02 for n in range(500)]
    made = scripts(times, 4, 0.02, None)
    starts = [script.at_ns[0] for script in made]
    assert starts == sorted(starts)
    assert len({start % (20 * MS) for start in starts}) == 4
    assert all(list(script.index) == list(range(500)) for script in made)
