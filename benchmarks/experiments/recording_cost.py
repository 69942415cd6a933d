"""What a recording costs a worker: the same calls, recorded and not, in turns.

    python benchmarks/experiments/recording_cost.py [--calls 50] [--seconds 8] [--pairs 6]

Both sides talk all the time. Recordings are begun and ended by the API, in one run: what else the
machine does meanwhile falls on both alike, as far as turns allow.
"""

import argparse
import json
import socket
import statistics
import tempfile
import time
import urllib.request
from contextlib import ExitStack
from pathlib import Path

from sipua.bench.common import children, usage
from sipua.bench.load import callers, speech
from sipua.bench.load.call_loop import Add, Plan
from sipua.bench.load.edge import HOST, Edge
from sipua.bench.replay import engine_side
from sipua.bridge.agent.scenario.settings import AgentSettings

TOKEN = "t" * 32
STARTUP_S = 30.0


def free_port() -> int:
    with socket.socket() as one:
        one.bind((HOST, 0))
        return int(one.getsockname()[1])


def tables(folder: Path, api: int) -> str:
    return (
        "[cdr]\nenabled = false\n\n"
        f'[recording]\nwhen = "on_demand"\ndirectory = "{folder / "recordings"}"\n\n'
        f"[api]\nenabled = true\nport = {api}\nrequests_per_second = 1000\n\n"
        f'[[api.tokens]]\nname = "bench"\ntoken = "{TOKEN}"\nright = "admin"\n\n'
    )


def ask(api: int, path: str, body: dict[str, str] | None = None) -> dict[str, list[dict[str, str]]]:
    asked = urllib.request.Request(
        f"http://{HOST}:{api}{path}",
        None if body is None else json.dumps(body).encode(),
        {"Authorization": f"Bearer {TOKEN}", "Content-Type": "application/json"},
    )
    with urllib.request.urlopen(asked, timeout=10) as answer:  # noqa: S310 - ours
        found: dict[str, list[dict[str, str]]] = json.load(answer)
    return found


def measured(calls: int, seconds: float, pairs: int) -> tuple[list[float], list[float]]:
    """Seconds of processor in each turn: off, on."""
    off, on = list[float](), list[float]()
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        agent = stack.enter_context(
            children.Child("agent", engine_side.run, AgentSettings(max_sessions=4000), "")
        )
        url, api = agent.hear(STARTUP_S), free_port()
        outputs = tables(folder, api)
        edge = stack.enter_context(Edge(folder, workers=1, engine_url=url, outputs=outputs))
        edge.wait_listening()
        plan = Plan((HOST, edge.port), speech.loop().frames, 20, "s")
        steady = stack.enter_context(children.Child("callers", callers.run, plan))
        steady.hear(STARTUP_S)
        steady.ask(Add(calls), STARTUP_S)
        time.sleep(calls / 20 + 5)
        ids = [one["id"] for one in ask(api, "/v1/calls?limit=1000")["calls"]]
        worker = edge.processes()["worker 1"]
        for turn in range(2 * pairs):
            recorded = turn % 2 == 1
            for call_id in ids:
                act = "start" if recorded else "stop"
                ask(api, f"/v1/calls/{call_id}/recording", {"act": act})
            time.sleep(2)
            before, began_s = usage.cpu_s(worker), time.monotonic()
            time.sleep(seconds)
            took = (usage.cpu_s(worker) - before) / (time.monotonic() - began_s)
            (on if recorded else off).append(took)
            print(f"{'on ' if recorded else 'off'} {took * 100:5.1f} % of a core", flush=True)
        for call_id in ids:
            ask(api, f"/v1/calls/{call_id}/recording", {"act": "stop"})
        time.sleep(3)
        files = len(list(folder.rglob("c-*.wav")))
        print(f"{len(ids)} calls, {files} files, faults: {edge.faults() or 'none'}")
    return off, on


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--calls", type=int, default=50)
    parser.add_argument("--seconds", type=float, default=8.0)
    parser.add_argument("--pairs", type=int, default=6)
    arguments = parser.parse_args()
    children.raise_file_limit()
    without, with_it = measured(arguments.calls, arguments.seconds, arguments.pairs)
    each = [(b - a) / arguments.calls * 100 for a, b in zip(without, with_it, strict=True)]
    print(
        f"a recorded call costs {statistics.median(each):.3f} % of a core (median of pairs; "
        f"{min(each):.3f} to {max(each):.3f})"
    )
