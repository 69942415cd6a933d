"""Webhooks that get several events in a request, judged by the packages of both standards."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from cloudevents.core.formats.json import JSONFormat

from sipua.outputs.hooks import bodies, reading
from support.calls.hook_bed import Bed
from support.calls.hook_receiver import in_order, verified
from support.calls.hook_server import HookServer, Received, answer
from support.process import until

CALLS, EACH = 12, 25


@pytest.fixture
async def bed(tmp_path: Path) -> AsyncIterator[Bed]:
    made = Bed(tmp_path / "spool")
    yield made
    await made.stop()


def arrived(requests: Sequence[Received]) -> list[dict[str, Any]]:
    """The events of all; each request is signed, and each event a CloudEvent."""
    found: list[dict[str, Any]] = []
    requests = list(requests)  # others may come meanwhile
    for request, batch in zip(requests, verified(requests), strict=True):
        assert request.headers["content-type"].startswith("application/cloudevents-batch+json")
        assert isinstance(batch, list)
        assert request.headers["webhook-id"] == bodies.batch_id(event["id"] for event in batch)
        for event in batch:
            read = JSONFormat().read(None, json.dumps(event))
            assert (read.get_id(), read.get_data()) == (event["id"], event["data"])
        found += batch
    return found


async def test_many_events_are_few_requests_and_each_call_keeps_its_order(bed: Bed) -> None:
    with HookServer([answer(204)]) as server:
        await bed.start(server.url, batch=True)
        for number in range(CALLS * EACH):
            bed.happens("turn.caller", f"c-{number % CALLS}", number)
        bed.happens("worker.died", "", CALLS * EACH)
        await until(lambda: len(arrived(server.requests)) > CALLS * EACH, "all")
        await bed.stop()
    events = arrived(server.requests)
    assert sorted(event["data"]["number"] for event in events) == list(range(CALLS * EACH + 1))
    assert in_order(events)
    assert len(server.requests) < CALLS * EACH / 5
    assert reading.endpoints(bed.home) == [], "nothing is left on disk"


async def test_W1_what_is_refused_is_sent_by_itself_and_the_rest_goes_on(bed: Bed) -> None:
    with HookServer([answer(500), answer(200)]) as server:
        await bed.start(server.url, batch=True)
        for number in range(60):
            bed.happens("turn.caller", f"c-{number % 3}", number)
        await until(
            lambda: {e["data"]["number"] for e in arrived(server.requests[1:])} == {*range(60)}
        )
        await bed.stop()
    events = arrived(server.requests[1:])
    assert in_order(events)
    refused, *later = [json.loads(request.body) for request in server.requests]
    heads = {event["id"] for event in refused if event["data"]["number"] < 3}
    alone = [batch[0]["id"] for batch in later if batch[0]["id"] in heads]
    assert len(alone) == len(heads)
    assert all(len(batch) == 1 for batch in later if batch[0]["id"] in heads)
