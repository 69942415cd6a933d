"""H10 on real calls: what a worker that dies, stops or grows costs, and whom it does not.

Two callers, each in a worker of its own. One worker fails: its caller is told within five seconds
and the record says why; the other caller loses no packet; and the next call is taken.
"""

from __future__ import annotations

import json
import os
import resource
import signal
import socket
import textwrap
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from sipua.edge.workers.supervisor import SILENT_S
from sipua.process.exits import Exit
from support.calls.edge import Edge
from support.footprint import footprint, fork_server, workers
from support.media import audio
from support.media.rtp_far_end import RtpFarEnd
from support.media.rtp_stream import RtpStream
from support.peers.sipp import Sipp, SippResult, SippRun
from support.ports import LOOPBACK
from support.process import wait_until

pytestmark = [pytest.mark.peer, pytest.mark.sound]

Edges = Callable[..., Edge]
Ends = Callable[..., RtpFarEnd]

SEEN_WITHIN_S = 5.0
SLACK_S = 2.0
"""For a machine that is busy with other tests; what is decided has a test without a clock."""

# A tool's module is imported by each worker; with it a test does things inside of one. The first
# worker that meets the file obeys, and takes it away.
INSIDE = '''
import os
import time
from pathlib import Path
from sipua.bridge.uplink.timeline import Uplink

feed, order, kept = Uplink.feed, Path(__file__).with_name("order"), []

def obedient(self, events, now):
    if order.exists():
        mine = order.with_suffix(f".{os.getpid()}")
        try:
            order.rename(mine)
        except FileNotFoundError:
            return feed(self, events, now)
        words = mine.read_text()
        while words == "hang":
            pass
        if words == "grow":
            kept.append(b"x" * 600_000_000)
    return feed(self, events, now)

Uplink.feed = obedient

if Path(__file__).with_name("unfit").exists():
    os._exit(7)
if Path(__file__).with_name("slow").exists():
    time.sleep(120)

def unused() -> str:
    """Is never called."""
    return ""
'''


@dataclass
class Pair:
    """Two calls that are up, each in its own worker. The second one's worker is to fail."""

    edge: Edge
    steady: SippRun
    steady_end: RtpFarEnd
    lost: SippRun
    lost_id: str
    records: Path

    @property
    def lost_worker(self) -> int:
        return self.edge.worker_of(self.lost_id)

    def died(self) -> dict[str, Any]:
        return self.edge.wait_event("worker.died", timeout_s=SEEN_WITHIN_S + SLACK_S)

    def bye(self) -> str:
        """What the caller of the failed worker got."""
        (bye,) = self.lost.wait().received("BYE")
        return bye.text

    def record(self) -> list[dict[str, Any]]:
        def ended() -> list[dict[str, Any]]:
            (path,) = self.records.rglob(f"{self.lost_id}.jsonl")
            lines = _lines(path)
            return lines if lines[-1]["kind"] == "end" else []

        return wait_until(ended, 20, "the record's end")

    def steady_stream(self) -> RtpStream:
        result: SippResult = self.steady.wait()
        assert result.ok
        (stream,) = self.steady_end.finish()
        return stream


@pytest.fixture
def inside(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder whose file `order` is obeyed by a worker."""
    home = tmp_path / "inside"
    home.mkdir()
    (home / "obedient.py").write_text(textwrap.dedent(INSIDE))
    monkeypatch.setenv("PYTHONPATH", str(home))
    return home


@pytest.fixture
def pair(tmp_path: Path, edge_factory: Edges, sipp: Sipp, far_end: Ends) -> Callable[..., Pair]:
    def begin(config: dict[str, Any] | None = None) -> Pair:
        records = tmp_path / "records"
        edge = edge_factory(
            {"record": {"enabled": True, "directory": str(records)}, **(config or {})}
        )
        steady_end, lost_end = (far_end(1, audio.silence(20_000)) for _ in range(2))
        steady = sipp.start("uac_call", edge.address, media=steady_end, pause_ms=12_000)
        edge.wait_event("call.confirmed")
        lost = sipp.start("uac_call_ended_by_peer", edge.address, media=lost_end)
        lost_id = edge.wait_event("call.confirmed", count=2)["call_id"]
        first = edge.wait_event("call.confirmed")["call_id"]
        assert edge.worker_of(first) != edge.worker_of(lost_id)
        wait_until(lambda: list(records.rglob(f"{lost_id}.jsonl")), 20, "the record's begin")
        return Pair(edge, steady, steady_end, lost, lost_id, records)

    return begin


def judge(pair: Pair, cause: str, sipp: Sipp) -> None:
    """What is the same for every fault."""
    edge, worker = pair.edge, pair.lost_worker
    died = pair.died()
    assert (died["worker"], died["calls"], died["level"]) == (worker, 1, "error")
    assert cause in died["cause"]
    assert 'Reason: Q.850;cause=41;text="media worker failed"' in pair.bye()
    ended = edge.wait_event("call.ended", call_id=pair.lost_id)
    reason = f"internal error: worker {worker}: {died['cause']}"
    assert (ended["end"]["reason"], ended["end"]["detail"]) == ("worker_died", reason)
    begin, *_, end = pair.record()
    assert (begin["kind"], begin["call_id"]) == ("call", pair.lost_id)
    assert (end["end"]["reason"], end["end"]["detail"]) == ("worker_died", reason)
    # A new call is taken at once, and by both when the worker has been replaced.
    sipp.run("uac_call", edge.address, pause_ms=100)
    edge.wait_event("worker.ready", count=3)
    another = edge.worker_pid(worker)
    assert another in workers(edge.process.pid)
    assert edge.port not in footprint(another).udp_ports, "it has not inherited the edge's sockets"
    more = sipp.run("uac_call", edge.address, calls=2, rate=1000, pause_ms=500)
    assert more.ok
    taken = [event["worker"] for event in edge.events(name="call.incoming")]
    assert worker in taken[-2:]
    stream = pair.steady_stream()
    assert (stream.lost, stream.malformed) == (0, 0)
    # A process starts beside it, and imports: on a machine of two cores frames may come late.
    assert stream.timestamp_breaks <= stream.sent / 25
    edge.wait_event("call.ended", count=5)
    port = edge.events(call_id=pair.lost_id, name="call.incoming")[0]["rtp_port"]
    assert port not in footprint(edge.process.pid).udp_ports
    assert f"worker {worker} died once, the last time: {died['cause']}" in edge.doctor()
    assert edge.stop() == 0


@pytest.mark.parametrize(
    ("number", "cause"),
    [(signal.SIGKILL, "killed by signal 9"), (signal.SIGSTOP, "it has said nothing for 4 s")],
)
def test_H10_a_worker_that_is_killed_or_stopped(
    pair: Callable[..., Pair], sipp: Sipp, number: signal.Signals, cause: str
) -> None:
    calls = pair()
    time.sleep(1)
    confirmed = calls.edge.wait_event("call.confirmed", call_id=calls.lost_id)["ts"]
    talked_s = time.time() - datetime.fromisoformat(confirmed).timestamp()
    os.kill(calls.edge.worker_pid(calls.lost_worker), number)
    calls.died()
    judge(calls, cause, sipp)
    (ended,) = calls.edge.events(name="call.ended", call_id=calls.lost_id)
    late_s = SILENT_S - 1 if number == signal.SIGSTOP else SEEN_WITHIN_S
    assert talked_s - 1 <= ended["duration_s"] < talked_s + late_s, "as the caller heard it"
    assert calls.record()[-1]["duration_s"] == ended["duration_s"]


@pytest.mark.parametrize(
    ("order", "cause"), [("hang", "it has said nothing for 4 s"), ("grow", "and may have 300")]
)
def test_H10_a_worker_whose_loop_hangs_or_that_takes_too_much_memory(
    pair: Callable[..., Pair], sipp: Sipp, inside: Path, order: str, cause: str
) -> None:
    """Either of the two may be the one that meets the order."""
    calls = pair(
        {
            "tools": {"python": ["obedient:unused"]},
            "edge": {"workers": 2, "worker_memory_mb": 300},
        }
    )
    (inside / "new").write_text(order)
    (inside / "new").rename(inside / "order")
    died = calls.died()
    assert cause in died["cause"]
    ended = calls.edge.wait_event("call.ended")
    assert ended["end"]["reason"] == "worker_died"
    assert f"worker {died['worker']}" in ended["end"]["detail"]
    assert calls.edge.worker_of(ended["call_id"]) == died["worker"]
    calls.edge.wait_event("worker.ready", count=3)
    sipp.run("uac_call", calls.edge.address, pause_ms=100)
    assert len(calls.edge.events(name="worker.died")) == 1


def test_H10_a_caller_who_still_hears_ringing_is_refused_with_the_reason(
    edge_factory: Edges, sipp: Sipp
) -> None:
    with socket.create_server((LOOPBACK, 0)) as mute:
        url = f"ws://{LOOPBACK}:{mute.getsockname()[1]}/v1/realtime"
        edge = edge_factory({"engine": {"url": url, "connect_timeout_s": 30}})
        call = sipp.start("uac_rejected", edge.address, STATUS="500")
        ringing = edge.wait_event("call.ringing")["call_id"]
        os.kill(edge.worker_pid(edge.worker_of(ringing)), signal.SIGKILL)
        (refusal,) = call.wait().received("SIP/2.0 500")
    assert "Reason: Q.850;cause=41" in refusal.text
    ended = edge.wait_event("call.ended", call_id=ringing)
    assert (ended["status"], ended["end"]["sip"]["status"], ended["duration_s"]) == (
        "failed",
        500,
        0,
    )


def test_H10_the_edge_dies_and_none_of_its_workers_is_left(edge_factory: Edges, sipp: Sipp) -> None:
    """Not even one that is stopped, and its ports are free: the next edge takes calls at once."""
    edge = edge_factory()
    sipp.start("uac_call", edge.address, calls=2, rate=1000, pause_ms=30_000)
    edge.wait_event("call.confirmed", count=2)
    pids = workers(edge.process.pid)
    assert len(pids) == 2
    os.kill(pids[0], signal.SIGSTOP)
    edge.kill()
    wait_until(lambda: not any(_runs(pid) for pid in pids), 20, "the end of the workers")
    for event in edge.events(name="call.incoming"):
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as rtp:
            rtp.bind((LOOPBACK, event["rtp_port"]))
    edge.start()
    sipp.run("uac_call", edge.address, pause_ms=100)


def test_H10_ctrl_c_in_a_terminal_leaves_the_workers_to_the_edge(
    edge_factory: Edges, sipp: Sipp
) -> None:
    """A terminal, or a service manager, signals every process: calls still end by themselves."""
    edge = edge_factory()
    call = sipp.start("uac_call", edge.address, pause_ms=2500)
    edge.wait_event("call.confirmed")
    for number in (signal.SIGINT, signal.SIGTERM):
        for pid in workers(edge.process.pid):
            os.kill(pid, number)
    edge.process.send(signal.SIGINT)
    assert call.wait().ok
    ended = edge.wait_event("call.ended")
    assert (ended["end"]["by"], ended["end"]["sip"]["status"]) == ("caller", 200)
    assert edge.process.wait(30) == 0
    assert edge.events(name="worker.died") == []


def test_H10_workers_that_cannot_live_back_off_and_end_the_edge(
    edge_factory: Edges, sipp: Sipp, inside: Path
) -> None:
    edge = edge_factory({"tools": {"python": ["obedient:unused"]}})
    sipp.run("uac_call", edge.address, pause_ms=100)
    (inside / "unfit").touch()
    for pid in workers(edge.process.pid):
        os.kill(pid, signal.SIGKILL)
    edge.wait_event("worker.died", count=2)
    refused = sipp.run("uac_rejected", edge.address, STATUS="503")
    assert "Retry-After: " in refused.received("SIP/2.0 503")[0].text
    assert edge.process.wait(90) == Exit.WORKERS
    died = [event for event in edge.events(name="worker.died") if event["worker"] == 1]
    waits = [event["next_in_s"] for event in died]
    assert waits == sorted(waits)
    assert waits[-1] >= 4
    assert died[-1]["cause"] == "it ended with exit code 7"
    (hopeless,) = edge.events(name="workers.hopeless")
    assert hopeless["exit_code"] == Exit.WORKERS
    assert hopeless["fix"]
    assert "it has ended: no worker lived; worker 1 died" in edge.doctor()


def test_H10_the_fork_server_dies_and_only_the_next_start_notices(
    pair: Callable[..., Pair], sipp: Sipp
) -> None:
    """No worker is its child, and the one that fails afterwards is replaced all the same."""
    calls = pair()
    server = fork_server(calls.edge.process.pid)
    os.kill(server, signal.SIGKILL)
    wait_until(lambda: not _runs(server), 20, "its end")
    os.kill(calls.edge.worker_pid(calls.lost_worker), signal.SIGKILL)
    judge(calls, "killed by signal 9", sipp)
    (told,) = calls.edge.events(name="workers.fork_server_died")
    assert told["cause"] == "it has ended"


def test_H10_the_edge_dies_and_its_fork_server_with_it(edge_factory: Edges) -> None:
    edge = edge_factory()
    server = fork_server(edge.process.pid)
    os.kill(server, signal.SIGSTOP)
    edge.kill()
    wait_until(lambda: not _runs(server), 20, "the end of the fork server")


@pytest.mark.parametrize("while_it", ["is new", "imports tools"])
def test_H10_a_worker_that_is_killed_before_it_is_ready(
    edge_factory: Edges, sipp: Sipp, inside: Path, while_it: str
) -> None:
    edge = edge_factory({"tools": {"python": ["obedient:unused"]}})
    if while_it == "imports tools":
        (inside / "slow").touch()
    os.kill(edge.worker_pid(1), signal.SIGKILL)
    edge.wait_event("worker.died")
    os.kill(_replacement(edge), signal.SIGKILL)
    (inside / "slow").unlink(missing_ok=True)
    again = edge.wait_event("worker.died", count=2, timeout_s=SEEN_WITHIN_S + SLACK_S)
    assert (again["worker"], again["cause"]) == (1, "killed by signal 9 (SIGKILL)")
    assert (again["next_in_s"], again["deaths"]) == (0.5, 2)
    sipp.run("uac_call", edge.address, pause_ms=100)
    edge.wait_event("worker.ready", count=3)
    assert "worker 1 died 2 times" in edge.doctor()
    assert edge.stop() == 0


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_H1_an_edge_whose_workers_still_start_ends_at_once(
    edge_factory: Edges, inside: Path, number: signal.Signals
) -> None:
    edge = edge_factory({"tools": {"python": ["obedient:unused"]}})
    assert edge.stop() == 0
    (inside / "slow").touch()
    edge.begin()
    pids = wait_until(lambda: _all_workers(edge), 30, "the workers")
    everywhere(edge, number)
    assert edge.process.wait(30) == 0
    wait_until(lambda: not any(_runs(pid) for pid in pids), 20, "the end of the workers")
    assert edge.events(name="worker.died") == []
    assert len(edge.events(name="edge.stopped")) == 2
    assert "Traceback" not in edge.log


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_H10_ctrl_c_while_a_worker_is_replaced(edge_factory: Edges, number: signal.Signals) -> None:
    """The new worker has not come to its own handling of signals."""
    edge = edge_factory()
    os.kill(edge.worker_pid(1), signal.SIGKILL)
    edge.wait_event("worker.died")
    new = _replacement(edge)
    everywhere(edge, number)
    assert edge.process.wait(30) == 0
    wait_until(lambda: not _runs(new), 20, "the end of the new worker")
    assert len(edge.events(name="worker.died")) == 1
    assert "Traceback" not in edge.log


def test_H10_a_worker_with_too_many_files_open_refuses_with_the_cause_and_goes_on(
    edge_factory: Edges, sipp: Sipp
) -> None:
    edge = edge_factory({"edge": {"workers": 1}})
    pid = edge.worker_pid(1)
    before = footprint(pid).descriptors
    soft, hard = resource.prlimit(pid, resource.RLIMIT_NOFILE)
    resource.prlimit(pid, resource.RLIMIT_NOFILE, (0, hard))
    sipp.run("uac_rejected", edge.address, STATUS="500")
    failed = edge.wait_event("call.failed")
    assert "too many open" in failed["error"]
    wait_until(lambda: footprint(pid).descriptors <= before, 20, "no descriptor left behind")
    resource.prlimit(pid, resource.RLIMIT_NOFILE, (soft, hard))
    assert sipp.run("uac_call", edge.address, pause_ms=100).ok
    assert edge.events(name="worker.died") == []


def test_the_time_of_the_set_up_begins_with_the_invite_and_not_in_the_worker(
    edge_factory: Edges, sipp: Sipp, tmp_path: Path
) -> None:
    record = {"enabled": True, "directory": str(tmp_path / "records")}
    edge = edge_factory({"edge": {"workers": 1}, "record": record})
    os.kill(edge.worker_pid(1), signal.SIGSTOP)
    call = sipp.start("uac_call", edge.address, pause_ms=200)
    edge.wait_event("call.ringing")
    time.sleep(0.5)
    os.kill(edge.worker_pid(1), signal.SIGCONT)
    assert call.wait().ok
    assert 500 <= edge.wait_event("call.answered")["setup_ms"] < 10_000
    call_id = edge.wait_event("call.ended")["call_id"]
    (path,) = (tmp_path / "records").rglob(f"{call_id}.jsonl")
    (answered,) = [one for one in _lines(path) if one["kind"] == "answered"]
    assert 500 <= answered["rang_ms"] < 10_000


def everywhere(edge: Edge, number: signal.Signals) -> None:
    """As a terminal or a service manager does: to the workers, and to the edge."""
    for pid in (*workers(edge.process.pid), edge.process.pid):
        os.kill(pid, number)


def _lines(record: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in record.read_text().splitlines()]


def _all_workers(edge: Edge) -> list[int]:
    pids = workers(edge.process.pid)
    return pids if len(pids) == 2 else []


def _replacement(edge: Edge) -> int:
    """The process that is a worker and was none before."""
    known = {event["pid"] for event in edge.events(name="worker.ready")}
    known |= set(edge.events(name="edge.listening")[-1]["workers"])

    def new() -> set[int]:
        return set(workers(edge.process.pid)) - known

    return wait_until(new, 20, "a new worker").pop()


def _runs(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False
