"""Settings of the interpreter and of the allocator under calls that come and go, as pairs:

    python benchmarks/experiments/turnover.py 'gc rare' 'arena 1' [--calls 50] [--cps 10]

`--calls` talk all the time and are measured; beside them `--cps` calls a second come, talk for two
seconds and go. Each variant runs behind a run of the edge as it is, all of them with the same
callers. A variant is of the edge's processes only: environment variables, and a `sitecustomize`.
"""

import argparse
import os
import tempfile
import time
from contextlib import ExitStack
from pathlib import Path

import numpy as np

from sipua.bench.common import children
from sipua.bench.load import callers, speech
from sipua.bench.load.call_loop import Add, Plan
from sipua.bench.load.edge import HOST, Edge
from sipua.bench.load.figures import figures
from sipua.bench.load.meter import Meter
from sipua.bench.replay import engine_side
from sipua.bench.soak import callers as turnover
from sipua.bridge.agent.scenario.settings import AgentSettings

AS_IT_IS = "as it is"
VARIANTS: dict[str, tuple[dict[str, str], str]] = {
    AS_IT_IS: ({}, ""),
    "gc rare": ({}, "import gc; gc.set_threshold(50_000, 20, 100)"),
    "gc off": ({}, "import gc; gc.disable()"),
    "no freeze": ({}, "import gc; gc.freeze = lambda: None"),
    "switch 5 ms": ({}, "import sys; sys.setswitchinterval = lambda _: None"),
    "switch 0.1 ms": (
        {},
        "import sys; true = sys.setswitchinterval; sys.setswitchinterval = lambda _: true(0.0001)",
    ),
    "arena 1": ({"MALLOC_ARENA_MAX": "1"}, ""),
    "mmap 64k": ({"MALLOC_MMAP_THRESHOLD_": "65536"}, ""),
    "trim 128k": ({"MALLOC_TRIM_THRESHOLD_": "131072"}, ""),
    "no trim": ({"MALLOC_TRIM_THRESHOLD_": "1000000000", "MALLOC_TOP_PAD_": "8000000"}, ""),
}
CALL_S = 2.0
STARTUP_S = 30.0
SETTLE_S = 3.0


def measured(name: str, calls: int, cps: float, seconds: float) -> str:
    environment, code = VARIANTS[name]
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        (folder / "sitecustomize.py").write_text(code)
        agent = stack.enter_context(
            children.Child("agent", engine_side.run, AgentSettings(max_sessions=4000), "")
        )
        url = agent.hear(STARTUP_S)
        environment = {**environment, "PYTHONPATH": str(folder)}
        before = dict(os.environ)
        os.environ.update(environment)
        edge = stack.enter_context(Edge(folder, workers=1, engine_url=url))
        os.environ.clear()
        os.environ.update(before)
        edge.wait_listening()
        loop = speech.loop()
        steady = stack.enter_context(
            children.Child("callers", callers.run, Plan((HOST, edge.port), loop.frames, 20, "s"))
        )
        fleeting = stack.enter_context(
            children.Child(
                "turnover", turnover.run, Plan((HOST, edge.port), loop.frames, cps, "t"), CALL_S
            )
        )
        steady.hear(STARTUP_S)
        fleeting.hear(STARTUP_S)
        steady.ask(Add(calls), STARTUP_S)
        fleeting.ask(Add(int(cps * (calls / 20 + SETTLE_S + seconds))), STARTUP_S)
        time.sleep(calls / 20 + SETTLE_S)
        meter = Meter(edge.processes(), callers=steady.pid, engine=agent.pid)
        steady.ask("report", STARTUP_S)
        agent.ask("report", STARTUP_S)
        meter.begin()
        began_ns = time.monotonic_ns()
        time.sleep(seconds)
        processes = {one.name: one for one in meter.end()}
        ended_ns = time.monotonic_ns()
        notes = steady.ask("report", STARTUP_S)
        sessions = agent.ask("report", STARTUP_S)
        # What left last may not be noted as arrived yet.
        window = figures(notes, sessions, edge.sessions(), loop, (began_ns, ended_ns - 200_000_000))
        gone = fleeting.ask("state", STARTUP_S)
    late = [float(np.percentile(window.up_ms, share)) for share in (50, 99, 99.9)]
    spacing = float(np.percentile(window.spacing_ms, 99))
    worker, edge_itself = processes["worker 1"], processes["edge"]
    return "  ".join(
        (
            f"{name:14}mouth → engine p50 {late[0]:.2f} p99 {late[1]:.2f} p99.9 {late[2]:.1f} ms",
            f"spacing p99 {spacing:.2f} ms",
            f"worker {worker.cpu_percent:.1f} % {worker.memory_mb:.1f} MB",
            f"edge {edge_itself.cpu_percent:.1f} % {edge_itself.memory_mb:.1f} MB",
            f"{gone.completed} calls gone {gone.faults or ''}",
        )
    )


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("variants", nargs="+", choices=list(VARIANTS))
    parser.add_argument("--calls", type=int, default=50)
    parser.add_argument("--cps", type=float, default=10.0)
    parser.add_argument("--seconds", type=float, default=10.0)
    arguments = parser.parse_args()
    children.raise_file_limit()
    for variant in arguments.variants:
        for one in (AS_IT_IS, variant):
            print(
                measured(one, arguments.calls, arguments.cps, arguments.seconds),
                flush=True,
            )
