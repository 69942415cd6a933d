"""`sipua bench joint`: what joining two legs of a call costs."""

from __future__ import annotations

from sipua.bench.common.errors import BenchError
from sipua.bench.joint.measure import measure
from sipua.process.exits import Exit


def run_joint(joints: int, seconds: float) -> int:
    if not 1 <= joints <= 200 or not 1 <= seconds <= 600:
        raise BenchError("--joints is 1 to 200, --seconds 1 to 600")
    print(f"{joints} joints, {seconds:g} s each, one process")
    print("                p50 ms   p99 ms   % of a core each   arrived")
    plain = measure("plain", joints, seconds)
    joint = measure("joint", joints, seconds)
    for name, one in (("plain relay", plain), ("joint", joint)):
        share = f"{one.arrived} of {one.sent}"
        print(f"{name:<14}{one.p50_ms:8.3f} {one.p99_ms:8.3f} {one.core_percent:18.3f}   {share}")
    added = joint.p50_ms - plain.p50_ms, joint.p99_ms - plain.p99_ms
    more = joint.core_percent - plain.core_percent
    print(f"{'a joint adds':<14}{added[0]:8.3f} {added[1]:8.3f} {more:18.3f}")
    return Exit.OK
