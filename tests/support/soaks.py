"""Results of soaks, made up."""

from __future__ import annotations

import msgspec

from sipua.bench.results.result import Machine, Result, Verdict
from sipua.bench.results.soak import Growth, Rest, Samples, Slope, Soak


def soak(growth: Growth = "none", after: float = 24, **changes: object) -> Soak:
    made = Soak(
        calls_total=2000,
        cps=20,
        call_s=3,
        warm_up_calls=500,
        completed=2000,
        faults={},
        logged={},
        at_s=(0.0, 1.0),
        ended=(0, 2000),
        up=(0, 60),
        samples=(
            Samples("edge", (90, 91), (95, 96), (24, 30), (6, 6), (0, 120), (0.1, 0.9), (7, 7)),
        ),
        slopes=(Slope("edge", "pss_mb", 0.2, -0.1, 0.4, growth),),
        rests=(
            Rest("edge", "descriptors", 24, after),
            Rest("edge", "pss_mb", 90, 130),  # the allocator keeps what it once needed
        ),
    )
    return msgspec.structs.replace(made, **changes)


def result_of(made: Soak) -> Result:
    return Result(
        kind="soak",
        made_at="2026-01-01T00:00:00+00:00",
        command="sipua bench soak",
        calls=60,
        seconds=100.0,
        engine="local",
        machine=Machine("cpu", 2, "6.1", "3.11", 0.1, 0.1),
        verdict=Verdict("good", "unknown", ""),
        workers=1,
        soak=made,
    )
