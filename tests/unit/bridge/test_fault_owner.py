"""H9: what an exception ends, and what happens when even that fails."""

import asyncio
import threading

import pytest
import structlog
from structlog.testing import capture_logs
from structlog.typing import FilteringBoundLogger

from sipua.bridge.fault_owner import FaultOwner, described

Log = FilteringBoundLogger


def broken(*_: object) -> None:
    raise KeyError("what somebody said")


class Owned:
    """Something that faults may end."""

    def __init__(self, above: FaultOwner | None = None, *, ends: bool = True) -> None:
        self.causes: list[str] = []
        self.ends = ends
        log: Log = structlog.get_logger()
        self.owner = FaultOwner("thing.failed", log, self.end, above=above)

    def end(self, cause: str) -> None:
        self.causes.append(cause)
        if not self.ends:
            raise RuntimeError("it does not end")


async def until(happened: list[str]) -> None:
    async with asyncio.timeout(10):
        while not happened:
            await asyncio.sleep(0)


def test_H9_the_first_fault_ends_it_and_is_logged_and_its_echo_is_counted() -> None:
    thing = Owned()
    with capture_logs() as logs:
        thing.owner.run("pacer", broken)
        thing.owner.run("RTP", broken)
    assert thing.causes == ["internal error: pacer: KeyError"]
    assert thing.owner.count == 2
    (line,) = logs
    assert (line["event"], line["log_level"], line["where"]) == ("thing.failed", "error", "pacer")
    assert line["error"] == "KeyError: 'what somebody said'"
    assert "in broken" in line["traceback"]


def test_H9_what_cannot_be_ended_is_the_owners_above() -> None:
    call = Owned()
    session = Owned(call.owner, ends=False)
    session.owner.run("reader", broken)
    assert session.causes == ["internal error: reader: KeyError"]
    assert call.causes == ["internal error: reader: RuntimeError"]


async def test_H9_timers_tasks_and_callbacks_that_are_called_later() -> None:
    async def work() -> None:
        broken()

    for where in ("timer", "later", "soon", "task", "callback"):
        thing = Owned()
        owner, loop = thing.owner, asyncio.get_running_loop()
        match where:
            case "timer":
                owner.call_at(loop.time(), where, broken, 1)
            case "later":
                owner.call_later(0, where, broken, 1)
            case "soon":
                owner.call_soon(where, broken, 1)
            case "task":
                owner.task(work(), where)
            case "callback":
                loop.call_soon(owner.guarded(where, broken), 1)
        await until(thing.causes)
        assert thing.causes == [f"internal error: {where}: KeyError"]


async def test_a_task_that_is_cancelled_or_succeeds_is_no_fault() -> None:
    thing = Owned()
    waiting = thing.owner.task(asyncio.sleep(60), "waits")
    done = thing.owner.task(asyncio.sleep(0, "result"), "returns")
    assert await done == "result"
    waiting.cancel()
    await asyncio.gather(waiting, return_exceptions=True)
    await asyncio.sleep(0)
    assert thing.owner.count == 0


async def test_H9_without_an_owner_the_loops_handler_is_told() -> None:
    told: list[dict[str, object]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: told.append(context))
    FaultOwner().run("nowhere", broken)
    session = Owned(ends=False)
    session.owner.run("reader", broken)
    assert [(context["message"], type(context["exception"])) for context in told] == [
        ("nowhere", KeyError),
        ("reader", RuntimeError),
    ]


def test_H9_without_an_owner_and_a_loop_the_threads_handler_is_told(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    told: list[threading.ExceptHookArgs] = []
    monkeypatch.setattr(threading, "excepthook", told.append)
    FaultOwner().run("nowhere", broken)
    assert [args.exc_type for args in told] == [KeyError]


def test_H9_a_piece_of_work_whose_fault_ends_nothing_is_logged_each_time() -> None:
    call = Owned()
    with capture_logs() as logs:
        for _ in range(2):
            call.owner.harmless("goodbye.failed").run("goodbye", broken)
    assert call.causes == []
    assert [line["event"] for line in logs] == ["goodbye.failed"] * 2


def test_H9_a_log_that_fails_keeps_nothing_from_ending() -> None:
    class NoLog:
        def error(self, *_: object, **__: object) -> None:
            raise OSError("disk full")

    call, causes = Owned(), list[str]()
    log: Log = NoLog()  # type: ignore[assignment]  # a stand-in
    FaultOwner("x", log, causes.append, above=call.owner).run("pacer", broken)
    assert causes == ["internal error: pacer: KeyError"]
    assert call.causes == ["internal error: pacer: OSError"]


def test_an_exceptions_text_is_bounded_and_may_be_broken() -> None:
    class BrokenError(Exception):
        def __str__(self) -> str:
            raise ValueError

    def deep(left: int) -> None:
        if left:
            deep(left - 1)
        raise ValueError("x" * 10_000_000)

    try:
        deep(500)
    except ValueError as error:
        told = described(error)
        assert len(told["error"]) < 400
        assert len(told["traceback"]) < 4000
    assert described(BrokenError())["error"] == "BrokenError: (its text raises ValueError)"
