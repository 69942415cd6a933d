"""Traces on their way to a collector that is there, slow, down, rude, or wrong."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceResponse
from structlog.testing import capture_logs

from sipua.events.stream import EventStream
from sipua.outputs.traces import traces as traces_module
from sipua.outputs.traces.settings import TraceSettings
from sipua.outputs.traces.traces import Traces
from support.calls.hook_server import (
    HookServer,
    answer,
    dripping,
    endless,
    later,
    nonsense,
    self_signed,
    vanish,
)
from support.calls.otlp_receiver import trees
from support.calls.rows import ended, incoming
from support.calls.traced_call import TRACE, events
from support.process import until

Lines = Callable[[str], list[dict[str, Any]]]


@pytest.fixture
def lines() -> Iterator[Lines]:
    """The lines of the log so far, by event."""
    with capture_logs() as found:
        yield lambda name: [dict(line) for line in found if line["event"] == name]


class Run:
    def __init__(self, url: str, **settings: Any) -> None:
        self.events = EventStream("berlin")
        self.traces = Traces(TraceSettings(f"{url}/v1/traces", **settings), self.events)

    def call(self, number: int) -> None:
        of = replace(TRACE, call_id=f"c-{number}", trace_id=f"{number + 1:032x}")
        for told in events((0.0, incoming()), (1.0, ended()), trace=of):
            self.events.put(told)


@asynccontextmanager
async def running(url: str, **settings: Any) -> AsyncIterator[Run]:
    run = Run(url, **settings)
    await run.traces.start()
    try:
        yield run
    finally:
        await run.traces.stop()


async def test_a_call_is_sent_with_the_headers_of_the_configuration() -> None:
    with HookServer([answer(200)]) as server:
        async with running(server.url, headers={"X-Key": "secret"}) as run:
            run.call(1)
            await until(lambda: server.requests)
    (request,) = server.requests
    assert (request.path, request.headers["x-key"]) == ("/v1/traces", "secret")
    (root,) = trees(server.requests)
    assert root.attributes["sipua.call_id"] == "c-1"


async def test_calls_that_end_last_are_sent_before_the_edge_ends() -> None:
    with HookServer([answer(200)]) as server:
        async with running(server.url) as run:
            for number in range(120):
                run.call(number)
        assert len(trees(server.requests)) == 120
        assert len(server.requests) == 3


@pytest.mark.parametrize(
    "first", [answer(503), answer(429, Retry_After="1"), vanish, nonsense, answer(408)]
)
async def test_what_was_not_taken_is_sent_again(first: Any, lines: Lines) -> None:
    with HookServer([first, answer(200)]) as server:
        async with running(server.url) as run:
            run.call(1)
            await until(lambda: len(server.requests) >= 2)
            await until(lambda: lines("traces.recovered"))
    assert server.requests[0].body == server.requests[1].body
    (failing,) = lines("traces.failing")
    assert failing["waiting"] == 1
    assert lines("traces.lost") == []


@pytest.mark.parametrize("status", [400, 401, 404, 302])
async def test_what_is_refused_for_good_is_counted(status: int, lines: Lines) -> None:
    with HookServer([answer(status, Location="/elsewhere"), answer(200)]) as server:
        async with running(server.url) as run:
            run.call(1)
            await until(lambda: lines("traces.lost"))
            run.call(2)
            await until(lambda: len(server.requests) >= 2)
    assert [request.path for request in server.requests] == ["/v1/traces"] * 2
    (root,) = trees(server.requests[1:])
    assert root.attributes["sipua.call_id"] == "c-2"
    (failing,) = lines("traces.failing")
    assert str(status) in failing["cause"]
    assert [line["calls"] for line in lines("traces.lost")] == [1]


async def test_a_collector_that_is_down_costs_a_bounded_backlog_and_a_line_a_minute(
    lines: Lines,
) -> None:
    with HookServer([answer(200)]) as server:
        url = server.url  # nothing listens there from here on
    async with running(url) as run:
        run.call(0)
        await until(lambda: lines("traces.failing"))
        slowest_s = 0.0
        for number in range(1, 5000):
            before = time.perf_counter()
            run.call(number)
            slowest_s = max(slowest_s, time.perf_counter() - before)
        assert len(run.traces._backlog) <= 2000
        assert slowest_s < 0.5  # it never waits: an attempt takes a second and more
        await until(lambda: lines("traces.lost"))
    assert len(lines("traces.failing")) == 1
    lost = sum(line["calls"] for line in lines("traces.lost"))
    assert 4900 <= lost <= 5000  # those that are under way when the edge ends are not known


async def test_a_collector_that_comes_back_gets_what_waits(lines: Lines, closed_port: int) -> None:
    async with running(f"http://localhost:{closed_port}") as run:
        for number in range(60):
            run.call(number)
        await until(lambda: lines("traces.failing"))
        with HookServer([answer(200)], port=closed_port) as server:
            await until(lambda: len(trees(server.requests)) == 60)
            await until(lambda: lines("traces.recovered"))


@pytest.mark.parametrize("body", [endless, dripping])
async def test_an_answer_without_an_end_is_not_read_and_nothing_is_sent_twice(
    body: Any, lines: Lines
) -> None:
    with HookServer([body, answer(200)]) as server:
        async with running(server.url, timeout_s=5.0) as run:
            run.call(1)
            await until(lambda: server.requests)
            run.call(2)
            await until(lambda: len(server.requests) >= 2)
        assert [root.attributes["sipua.call_id"] for root in trees(server.requests)] == [
            "c-1",
            "c-2",
        ]
    assert lines("traces.failing") == []


async def test_spans_that_are_refused_are_told(lines: Lines) -> None:
    said = ExportTraceServiceResponse()
    said.partial_success.rejected_spans = 2
    said.partial_success.error_message = "too old"
    with HookServer([answer(200, said.SerializeToString())]) as server:
        async with running(server.url) as run:
            run.call(1)
            await until(lambda: lines("traces.spans_refused"))
    (line,) = lines("traces.spans_refused")
    assert (line["spans"], line["cause"]) == (2, "too old")


async def test_an_end_is_not_held_up_by_a_collector_that_does_not_answer() -> None:
    with HookServer([later(8.0, answer(200))]) as server:
        run = Run(server.url)
        await run.traces.start()
        run.call(1)
        await until(lambda: server.requests)
        before = time.monotonic()
        await run.traces.stop()
        assert time.monotonic() - before < 7.5


async def test_certificates_are_verified(tmp_path: Path, lines: Lines) -> None:
    certificate = self_signed(tmp_path)
    with HookServer([answer(200)], certificate) as server:
        async with running(server.url) as run:
            run.call(1)
            await until(lambda: lines("traces.failing"))
        assert server.requests == []
        async with running(server.url, ca_file=str(certificate[0])) as run:
            run.call(1)
            await until(lambda: server.requests)


async def test_a_bug_of_ours_costs_one_call(monkeypatch: pytest.MonkeyPatch, lines: Lines) -> None:
    real = traces_module.call_spans.spans

    def broken(story: Any, *, private: bool) -> Any:
        if story.trace.call_id == "c-1":
            raise ZeroDivisionError
        return real(story, private=private)

    monkeypatch.setattr(traces_module.call_spans, "spans", broken)
    with HookServer([answer(200)]) as server:
        async with running(server.url) as run:
            run.call(1)
            run.call(2)
            await until(lambda: server.requests)
        (root,) = trees(server.requests)
    assert root.attributes["sipua.call_id"] == "c-2"
    assert len(lines("traces.failed_inside")) == 1
