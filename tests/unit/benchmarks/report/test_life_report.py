"""A life for people: on a terminal and as a page."""

from __future__ import annotations

import re
from pathlib import Path

import msgspec

from sipua.bench.report import html, text
from sipua.bench.results import verdict
from sipua.bench.results.result import Result, load, to_json
from sipua.bench.results.soak import Life, Samples, Slope
from support.soaks import result_of, soak


def life(**changes: object) -> Life:
    made = Life(
        calls=50,
        workers=2,
        kinds={"talk": (10, 9, 1), "<b>": (2, 2, 0)},
        happened={"workers killed": 1, "scans": 30},
        lag_ms={"edge": (1.0, 5.0, 2.5)},
        warm_up_calls=1,
        faults={},
        logged={"worker.died": 1},
        at_s=(0.0, 5.0, 10.0),
        ended=(0, 5, 12),
        up=(0, 50, 0),
        samples=(
            Samples("edge", (90, 91, 91), (9, 9, 9), (24, 30, 24), (6, 6, 6), (0, 4, 0), (1, 2, 3)),
            # A worker that came when another one was killed.
            Samples("worker 3", (40, 41), (9, 9), (15, 18), (3, 3), (2, 0), (1, 2), first=1),
        ),
        slopes=(
            Slope("edge", "pss_mb", 0.01, -0.1, 0.2, "none"),
            Slope("worker 3", "pss_mb", 0.01, -0.1, 0.2, "unknown"),
        ),
        rests=(),
    )
    return msgspec.structs.replace(made, **changes)


def result(made: Life) -> Result:
    found = msgspec.structs.replace(result_of(soak()), kind="life", soak=None, life=made)
    return msgspec.structs.replace(found, verdict=verdict.judge(found))


def test_the_page_has_kinds_and_what_happened_and_plots() -> None:
    page = html.render(result(life()), None)
    assert page.count("<svg") == 3  # calls, lag, memory
    assert "workers killed" in page
    assert "&lt;b&gt;" in page
    assert "nan" not in re.sub(r"<style>.*?</style>", "", page, flags=re.DOTALL)
    assert "11 of 12 calls went well, 1 had their worker killed" in page


def test_the_terminal_has_the_same() -> None:
    told = text.render(result(life(faults={"talk: INVITE: 503": 3})))
    assert "3 × talk: INVITE: 503" in told
    assert "30 × scans" in told
    assert "11 of 12" in told


def test_a_result_is_read_as_it_was_written(tmp_path: Path) -> None:
    made = result(life())
    file = tmp_path / "life.json"
    file.write_bytes(to_json(made))
    assert load(file) == made
