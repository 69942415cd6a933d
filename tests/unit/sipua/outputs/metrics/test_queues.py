"""What queues count: events make counters, a look makes gauges."""

from __future__ import annotations

import json
from typing import Any

from sipua.config import Config
from sipua.events.stream import EventStream
from sipua.events.teller import Told
from sipua.outputs.metrics.counting import Counting
from sipua.outputs.metrics.exposition import PLAIN, render
from sipua.outputs.metrics.names import names
from sipua.outputs.metrics.sampling import Sampling, Views
from sipua.outputs.metrics.series import Series
from sipua.queue.queues import Queues
from sipua.queue.settings import QueueSettings

CONFIG = Config.model_validate({"queues": ({"name": "support", "max_calls": 1},)})


def left(**fields: Any) -> Told:
    return Told("queue.left", 1.0, "c-1", json.dumps(fields).encode())


def test_who_was_served_and_who_gave_up() -> None:
    known = names(CONFIG)
    series = Series(known)
    events = EventStream("n")
    events.subscribe(Counting(series, known).read)
    events.put(left(queue="support", reason="served", waited_ms=15_000))
    events.put(left(queue="support", reason="hangup", waited_ms=90_000))
    events.put(left(queue="support", reason="a lie", waited_ms="x"))
    page = render(series.families(), PLAIN).decode()
    assert 'sipua_queue_left_total{queue="support",reason="served"} 1.0' in page
    assert 'sipua_queue_left_total{queue="support",reason="hangup"} 1.0' in page
    assert 'sipua_queue_left_total{queue="support",reason="timeout"} 0.0' in page, "from the start"
    assert 'sipua_queue_wait_seconds_bucket{queue="support",le="20.0"} 1.0' in page
    assert 'sipua_queue_wait_seconds_count{queue="support"} 1.0' in page, "of those served alone"


async def test_who_waits_is_looked_at() -> None:
    known = names(CONFIG)
    series = Series(known)
    queues = Queues([QueueSettings("support", max_calls=1)])
    for number in range(3):
        queues.join(f"c-{number}", "support", 10.0 * number)
    views = Views(
        workers=list,
        figures=dict,
        ports=lambda: {"in_use": 0, "resting": 0},
        sinks=list,
        webhooks=list,
        hep=dict,
        queues=lambda: queues.states(40.0),
    )
    Sampling(series, known, views).look()
    page = render(series.families(), PLAIN).decode()
    assert 'sipua_queue_waiting{queue="support"} 2.0' in page
    assert 'sipua_queue_serving{queue="support"} 1.0' in page
    assert 'sipua_queue_longest_wait_seconds{queue="support"} 30.0' in page
