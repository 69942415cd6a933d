"""`sipua bench soak`: hundreds of calls through a real `sipua serve`, and what is left of them."""

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from sipua.bench.common import usage
from sipua.bench.results import result
from sipua.bench.results.soak import FIGURES
from sipua.process.exits import Exit
from sipua.worker.fork_server import WORKER_NAME

pytestmark = pytest.mark.few

CALLS = 400
# What the allocator may keep of calls that were up at once, and what is made once. The parts
# of one call are 0.15 MB or more: if they stayed it would be 30 MB in each worker.
MOST_OF_A_WORKER_MB = 10.0
# pjsip keeps a transaction and what belongs to it for 32 s after its call: 0.1 MB for each call of
# this test, which is over by then.
MOST_OF_THE_EDGE_MB = 0.2 * CALLS


def soak(*options: str) -> list[str]:
    return [sys.executable, "-m", "sipua", "bench", "soak", *options]


@pytest.mark.slow
def test_H5_nothing_is_left_of_hundreds_of_calls(tmp_path: Path) -> None:
    out, page = tmp_path / "r.json", tmp_path / "r.html"
    command = soak(
        *("--calls-total", str(CALLS), "--cps", "25", "--call-s", "0.8", "--every", "0.3"),
        *("--workers", "2", "--json", str(out), "--html", str(page)),
    )
    ran = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert out.exists(), ran.stderr
    found = result.load(out)
    assert found.soak
    assert found.soak.faults == {}, found.soak.logged
    assert found.soak.completed == CALLS
    left = {
        (rest.process, rest.figure): (rest.before, rest.after)
        for rest in found.soak.rests
        if not rest.returned
    }
    assert left == {}  # descriptors, threads, RTP ports, tasks
    grown = {
        rest.process: rest.after - rest.before
        for rest in found.soak.rests
        if rest.figure == "pss_mb" and rest.process.startswith(("edge", "worker"))
    }
    assert set(grown) == {"edge", "worker 1", "worker 2"}
    assert grown.pop("edge") < MOST_OF_THE_EDGE_MB
    assert max(grown.values()) < MOST_OF_A_WORKER_MB, grown
    assert max(max(one.ports) for one in found.soak.samples) > 0
    told = {one.process for one in found.soak.samples if max(one.column("tasks"), default=0) > 10}
    assert told >= {"worker 1", "worker 2"}
    # So few calls are too few to judge its slope, and the exit code, by.
    assert ran.returncode in (Exit.OK, Exit.UNFIT), ran.stderr
    drawn = {figure for figure in FIGURES if any(one.column(figure) for one in found.soak.samples)}
    assert drawn >= {"pss_mb", "descriptors", "threads", "tasks"}
    assert page.read_text().count("<svg") == len(drawn)


@pytest.mark.slow
def test_a_soak_whose_worker_dies_fails_and_says_so(tmp_path: Path) -> None:
    out = tmp_path / "r.json"
    command = soak(
        *("--calls-total", "2000", "--cps", "20", "--call-s", "1", "--workers", "2"),
        *("--json", str(out)),
    )
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as running:
        assert running.stderr
        for line in running.stderr:  # bounded by the test's own time
            if line.startswith("at rest before"):
                break
        worker = next(pid for pid in usage.family(running.pid) if _is_worker(pid))
        subprocess.run(["kill", f"-{signal.SIGKILL}", str(worker)], check=True)
        said = running.communicate(timeout=60)[1]
        assert running.returncode == Exit.UNFIT, said
    found = result.load(out)
    assert found.soak
    assert any(fault.endswith("has ended") for fault in found.soak.faults)
    assert "worker.died" in found.soak.logged


def _is_worker(pid: int) -> bool:
    return usage.name(pid) == WORKER_NAME
