"""The workers of an edge in the test's own process: starts, faults, ends."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from sipua.bridge.agent.process import AgentError
from sipua.config import Config
from sipua.doctor import edges
from sipua.doctor.findings import Level
from sipua.edge.workers import process, supervisor, workers
from sipua.edge.workers.workers import Workers, WorkersError
from sipua.events.edge_events import WorkerDied
from sipua.events.event import Event
from sipua.process.exits import Exit
from sipua.worker import process as worker_process
from sipua.worker.link.coding import LinkError
from sipua.worker.link.messages import CapturedSip, ToEdge
from support.calls.worker_in_task import WorkerInTask, in_tasks


async def no_agent() -> str:
    return ""


class Edge:
    def __init__(self, config: dict[str, Any], *, count: int) -> None:
        self.messages: list[tuple[int, ToEdge]] = []
        self.lost: list[tuple[int, str]] = []
        self.told: list[Event] = []
        self.hopeless: list[WorkersError] = []
        self.workers = Workers(
            Config.model_validate({"engine": {"url": "ws://127.0.0.1:9/x"}, **config}),
            count=count,
            tell=self.told.append,
            on_message=lambda worker, message: self.messages.append((worker, message)),
            on_lost=lambda worker, cause: self.lost.append((worker, cause)),
            on_hopeless=self.hopeless.append,
        )

    @property
    def deaths(self) -> list[WorkerDied]:
        return [one for one in self.told if isinstance(one, WorkerDied)]

    async def until(self, condition: Callable[[], object]) -> None:
        async with asyncio.timeout(20):
            while not condition():
                await asyncio.sleep(0.005)

    @property
    def up(self) -> int:
        return self.workers.supervisor.ready_count


@pytest.fixture
def running(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> dict[int, WorkerInTask]:
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(tmp_path))
    monkeypatch.setattr(edges, "_runs", lambda _: True)
    for module in (workers, supervisor):
        for name in ("CHECK_EVERY_S", "FIRST_WAIT_S", "LONGEST_WAIT_S"):
            if hasattr(module, name):
                monkeypatch.setattr(module, name, 0.01)
    return in_tasks(monkeypatch)


@pytest.fixture
async def make(
    running: dict[int, WorkerInTask],
) -> AsyncIterator[Callable[..., Edge]]:
    made: list[Edge] = []

    def begin(config: dict[str, Any] | None = None, *, count: int = 2) -> Edge:
        made.append(Edge(config or {}, count=count))
        return made[-1]

    yield begin
    for edge in made:
        await edge.workers.stop()


async def test_H10_one_that_dies_is_told_and_replaced(
    make: Callable[..., Edge], running: dict[int, WorkerInTask]
) -> None:
    edge = make()
    await edge.workers.start(no_agent())
    assert edge.up == 2
    assert [found.level for found in edges.findings()] == [Level.OK]
    running[1].kill()
    await edge.until(lambda: edge.lost)
    assert edge.lost == [(1, "killed")]
    (died,) = edge.deaths
    assert (died.worker, died.deaths, died.level) == (1, 1, "error")
    await edge.until(lambda: edge.up == 2)
    (found,) = edges.findings()
    assert found.level is Level.WARN
    assert "worker 1 died once, the last time: killed" in found.value
    await edge.workers.stop()
    assert edges.findings() == []
    assert edge.lost == [(1, "killed")], "an end that was wanted is no death"


async def test_H10_one_that_grows_too_big_is_ended(
    make: Callable[..., Edge], running: dict[int, WorkerInTask]
) -> None:
    edge = make({"edge": {"worker_memory_mb": 100}})
    await edge.workers.start(no_agent())
    running[2].memory = 101_000_000
    await edge.until(lambda: edge.lost)
    assert edge.lost == [(2, "it has 101 MB, and may have 100")]


async def test_H10_one_that_cannot_be_told_how_to_begin_ends_alone(
    make: Callable[..., Edge], monkeypatch: pytest.MonkeyPatch, running: dict[int, WorkerInTask]
) -> None:
    def no_descriptors(_: bytes) -> Any:
        raise OSError(24, "Too many open files")

    edge = make()
    await edge.workers.start(no_agent())
    with monkeypatch.context() as broken, capture_logs() as logs:
        broken.setattr(process, "in_memory", no_descriptors)
        running[1].kill()
        await edge.until(lambda: any(one["event"] == "worker.begin_failed" for one in logs))
    await edge.until(lambda: edge.up == 2)
    assert edge.hopeless == []


async def test_a_configuration_that_no_worker_can_use_ends_the_start(
    make: Callable[..., Edge], running: dict[int, WorkerInTask]
) -> None:
    edge = make({"tools": {"python": ("no_such_module:f",)}})
    with pytest.raises(WorkersError, match="no_such_module") as raised:
        await edge.workers.start(no_agent())
    assert (raised.value.event, raised.value.code) == ("tools.failed", Exit.CONFIG)
    assert edge.lost == []


async def test_a_worker_of_another_version_says_what_to_do(
    make: Callable[..., Edge], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(worker_process, "version", lambda: "0.0.1")
    edge = make()
    with pytest.raises(WorkersError, match=r"installed is 0\.0\.1") as raised:
        await edge.workers.start(no_agent())
    assert (raised.value.event, raised.value.fix) == ("worker.other_version", "restart the edge")


async def test_an_update_of_the_installation_is_seen_by_the_next_worker(
    make: Callable[..., Edge],
    monkeypatch: pytest.MonkeyPatch,
    running: dict[int, WorkerInTask],
) -> None:
    """The new worker has the new code; the edge still has the old one."""
    edge = make()
    await edge.workers.start(no_agent())
    monkeypatch.setattr(worker_process, "version", lambda: "99.0")
    running[1].kill()
    await edge.until(lambda: len(edge.deaths) > 1)
    causes = [died.cause for died in edge.deaths]
    assert causes[0] == "killed"
    assert "worker.other_version" in causes[1]
    assert (edge.up, edge.hopeless) == (1, [])


async def test_an_agent_that_does_not_start_ends_workers_that_wait_for_it(
    make: Callable[..., Edge],
) -> None:
    async def no_start() -> str:
        await asyncio.sleep(0.05)
        raise AgentError("it does not start")

    edge = make()
    with pytest.raises(AgentError):
        await edge.workers.start(no_start())
    async with asyncio.timeout(10):
        await edge.workers.stop()


async def test_H10_a_start_that_never_succeeds_gives_up_and_doctor_knows(
    make: Callable[..., Edge], monkeypatch: pytest.MonkeyPatch, running: dict[int, WorkerInTask]
) -> None:
    def refuse(*_: object) -> WorkerInTask:
        raise OSError("no memory")

    monkeypatch.setattr(process, "spawn", refuse)
    edge = make()
    with pytest.raises(WorkersError, match="cannot be started: no memory") as raised:
        await edge.workers.start(no_agent())
    assert raised.value.code is Exit.WORKERS
    assert len(edge.hopeless) == 1
    slots = edge.workers.supervisor.slots
    deaths = slots[1].deaths
    await edge.until(lambda: slots[1].deaths > deaths)  # another one, before the edge has ended
    await edge.workers.stop()
    (found,) = edges.findings()
    assert found.level is Level.ERROR


async def test_a_message_that_cannot_be_sent_is_the_senders_fault_alone(
    make: Callable[..., Edge],
) -> None:
    edge = make(count=1)
    await edge.workers.start(no_agent())
    with pytest.raises(LinkError):
        edge.workers.send(1, CapturedSip("\udce4", 0.0, ("a", 1), ("b", 2), b""))
    edge.workers.send(7, CapturedSip("c-1", 0.0, ("a", 1), ("b", 2), b""))  # gone by now
    await asyncio.sleep(0.05)
    assert (edge.up, edge.lost) == (1, [])
