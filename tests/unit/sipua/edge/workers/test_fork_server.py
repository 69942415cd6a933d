"""The fork server as a process: workers that are forked, and its own death."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from sipua.edge.workers import fork_server, process
from sipua.edge.workers.fork_server import ForkServer
from sipua.edge.workers.process import WorkerProcess
from sipua.worker.fork_server import SERVER_NAME, WORKER_NAME
from sipua.worker.link.messages import Stop

Spawn = Callable[[], Awaitable[WorkerProcess]]


@pytest.fixture
async def forks() -> AsyncIterator[ForkServer]:
    with ForkServer() as begun:
        yield begun


@pytest.fixture
async def spawn(forks: ForkServer) -> AsyncIterator[Spawn]:
    spawned: list[WorkerProcess] = []

    async def one() -> WorkerProcess:
        worker = await process.spawn(forks, lambda message, descriptors: None, lambda cause: None)
        spawned.append(worker)
        return worker

    yield one
    for worker in spawned:
        worker.kill()
        await worker.wait()


def name(pid: int) -> str:
    return Path(f"/proc/{pid}/comm").read_text().strip()


def threads(pid: int) -> int:
    return len(list(Path(f"/proc/{pid}/task").iterdir()))


def mapped(pid: int) -> str:
    return Path(f"/proc/{pid}/maps").read_text()


def parent(pid: int) -> int:
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])


def is_gone(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    return False


async def test_a_worker_is_a_child_of_the_edge_and_its_end_is_known(
    forks: ForkServer, spawn: Spawn
) -> None:
    one, other = await spawn(), await spawn()
    assert (name(one.pid), name(forks._pid)) == (WORKER_NAME, SERVER_NAME)
    assert parent(one.pid) == parent(other.pid) == os.getpid()
    assert one.memory_bytes() > 10_000_000
    one.kill()
    assert await one.wait() == "killed by signal 9 (SIGKILL)"
    assert is_gone(one.pid)
    one.kill()  # its number may be another's by now
    other.send(Stop())
    assert await other.wait() == "it ended with exit code 70"


async def test_nothing_runs_beside_the_thread_that_forks(forks: ForkServer, spawn: Spawn) -> None:
    """numpy would start threads."""
    worker = await spawn()
    assert threads(forks._pid) == 1
    assert "_multiarray_umath" in mapped(worker.pid), "numpy is not imported before the fork"


async def test_H10_a_fork_server_that_dies_takes_no_worker_along(
    forks: ForkServer, spawn: Spawn
) -> None:
    before = await spawn()
    server = forks._pid
    os.kill(server, signal.SIGKILL)
    with capture_logs() as logs:
        after = await spawn()
    assert [line["event"] for line in logs] == ["workers.fork_server_died"]
    assert forks._pid != server
    assert not is_gone(before.pid)
    for worker in (before, after):
        worker.kill()
        assert await worker.wait() == "killed by signal 9 (SIGKILL)"


async def test_H10_a_fork_server_that_is_stopped_is_replaced(
    forks: ForkServer, spawn: Spawn, monkeypatch: pytest.MonkeyPatch
) -> None:
    await spawn()
    server = forks._pid
    os.kill(server, signal.SIGSTOP)
    monkeypatch.setattr(fork_server, "ANSWERS_WITHIN_S", 0.2)
    start = forks._start

    def patient_start() -> socket.socket:
        monkeypatch.setattr(fork_server, "ANSWERS_WITHIN_S", 20.0)
        return start()

    monkeypatch.setattr(forks, "_start", patient_start)
    with capture_logs() as logs:
        await spawn()
    assert [line["cause"] for line in logs] == ["no answer within 0.2 s"]
    assert is_gone(server)


async def test_one_that_cannot_be_started_is_told(
    forks: ForkServer, spawn: Spawn, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fork_server, "COMMAND", ("/usr/bin/env", "false"))
    with pytest.raises(OSError, match="its fork server: it has ended"):
        await spawn()


async def test_a_start_that_is_given_up_leaves_no_answer_for_the_next(
    forks: ForkServer, spawn: Spawn
) -> None:
    first = asyncio.ensure_future(spawn())
    await asyncio.sleep(0.05)
    first.cancel()
    with pytest.raises(asyncio.CancelledError):
        await first
    worker = await spawn()
    assert parent(worker.pid) == os.getpid()


async def test_it_ends_with_its_socket_and_leaves_no_zombie(
    forks: ForkServer, spawn: Spawn
) -> None:
    await spawn()
    server = forks._pid
    forks.close()
    assert is_gone(server)
    forks.close()
