"""What strangers send makes no series."""

import json

from structlog.testing import capture_logs

from sipua.config import Config
from sipua.events.stream import EventStream
from sipua.events.teller import Told
from sipua.outputs.metrics.counting import Counting
from sipua.outputs.metrics.exposition import OPENMETRICS, PLAIN, render
from sipua.outputs.metrics.names import names
from sipua.outputs.metrics.series import Series


def test_hostile_events_make_no_series_and_break_no_reader() -> None:
    known = names(Config())
    series = Series(known)
    counting = Counting(series, known)
    events = EventStream("n")
    events.subscribe(counting.read)
    lines = set()
    for number in range(200):
        evil = f'evil{number}"\n{number}'
        fields = dict.fromkeys(
            ("origin", "account", "route", "engine", "status", "direction", "codec", "act"), evil
        )
        rest = {
            "end": {"by": evil, "reason": evil, "fault": evil},
            "rtp": {"streams": [evil, {"received": -1}]},
            "setup_ms": evil,
            "count": -1,
            "total_ms": 5,
        }
        for kind in tuple(counting._by_type):
            with capture_logs() as logs:
                events.put(Told(kind, 1.0, evil, json.dumps({**fields, **rest}).encode()))
            assert not logs
        lines.add(render(series.families(), PLAIN).count(b"\n"))
    assert len(lines) == 1, "as many after the first as after all"
    assert b"evil" not in render(series.families(), OPENMETRICS)
