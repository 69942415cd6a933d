"""What strangers send makes no series."""

import json
import re
from pathlib import Path

from structlog.testing import capture_logs

from sipua.config import Config
from sipua.events.stream import EventStream
from sipua.events.teller import Told
from sipua.outputs.metrics.counting import Counting
from sipua.outputs.metrics.exposition import OPENMETRICS, PLAIN, render
from sipua.outputs.metrics.names import REFUSALS, names
from sipua.outputs.metrics.series import Series
from sipua.stir import faults

SIP = Path(__file__).parents[5] / "sipua" / "sip"
CONFIG = Config.model_validate(
    {
        "trunks": ({"name": "peer", "hosts": ("192.0.2.1",)},),
        "accounts": ({"name": "pbx", "registrar": "sip:pbx", "user": "1", "password": "x"},),
        "engines": {"second": {"type": "local"}},
        "routes": ({"name": "sales", "called": ("1*",)}, {"name": "rest", "engine": "second"}),
        "edge": {"workers": 2},
    }
)


def test_hostile_events_make_no_series_and_break_no_reader() -> None:
    known = names(CONFIG)
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
            "outcome": evil,
            "hash": evil,
            "config": evil,
            "end": {"by": evil, "reason": evil, "fault": evil},
            "rtp": {"streams": [evil, {"received": -1}]},
            "setup_ms": evil,
            "count": -1,
            "counts": {evil: 1, "rate": -1},
            "statuses": {evil: 1, "486": -5},
            "kept_back_statuses": {evil: 1e300},
            "total_ms": 5,
        }
        for kind in tuple(counting._by_type):
            with capture_logs() as logs:
                events.put(Told(kind, 1.0, evil, json.dumps({**fields, **rest}).encode()))
            assert not logs
        lines.add(render(series.families(), PLAIN).count(b"\n"))
    assert len(lines) == 1, "as many after the first as after all"
    assert b"evil" not in render(series.families(), OPENMETRICS)


def test_calls_of_every_kind_make_as_many_series_as_the_page_says() -> None:
    """Each route and origin costs some, and no call does."""
    known = names(CONFIG)
    series = Series(known)
    counting = Counting(series, known)
    events = EventStream("n")
    events.subscribe(counting.read)
    for number in range(500):
        began = {"origin": "peer", "route": ("sales", "rest", "")[number % 3]}
        events.put(Told("call.incoming", 1.0, f"c-{number}", json.dumps(began).encode()))
        ended = {"direction": "incoming", **began, "status": "completed", "end": {"by": "caller"}}
        events.put(Told("call.ended", 2.0, f"c-{number}", json.dumps(ended).encode()))
    assert sum(1 for _ in series.calls_active.samples()) <= 64
    assert sum(1 for _ in series.calls.samples()) == 3 * 11
    assert render(series.families(), PLAIN).count(b"\n") < 1500


def test_a_call_without_an_end_is_there_as_zero() -> None:
    """So that its end is a rise for Prometheus."""
    known = names(CONFIG)
    series = Series(known)
    events = EventStream("n")
    events.subscribe(Counting(series, known).read)
    events.put(Told("call.incoming", 1.0, "c-1", b'{"origin":"peer","route":"sales"}'))
    text = render(series.families(), PLAIN).decode()
    of_call = 'direction="incoming",origin="peer",route="sales"'
    assert f'sipua_calls_total{{{of_call},status="completed",fault="edge"}} 0.0' in text
    assert 'sipua_calls_refused_total{status="486"} 0.0' in text
    assert "sipua_worker_deaths_total 0.0" in text


def test_refusals_that_were_not_told_keep_their_status() -> None:
    series = Series(names(CONFIG))
    events = EventStream("n")
    events.subscribe(Counting(series, names(CONFIG)).read)
    events.put(Told("call.rejected", 1.0, "", b'{"status":486,"kept_back_statuses":{"403":7}}'))
    events.put(Told("call.rejections_not_logged", 1.0, "", b'{"count":3,"statuses":{"486":3}}'))
    counted = {labels[0][1]: value for _, labels, value in series.calls_refused.samples()}
    assert {status: count for status, count in counted.items() if count} == {"486": 4, "403": 7}


def test_certificates_that_were_not_asked_for_are_counted_by_the_reason() -> None:
    series = Series(names(CONFIG))
    events = EventStream("n")
    events.subscribe(Counting(series, names(CONFIG)).read)
    for counts in ('{"host":1}', '{"host":4,"rate_of_all":2}'):
        events.put(Told("stir.not_fetched", 1.0, "", f'{{"counts":{counts}}}'.encode()))
    text = render(series.families(), PLAIN).decode()
    for reason, count in (("host", 5), ("rate_of_all", 2), ("address_rate", 0)):
        assert f'certificates_not_fetched_total{{reason="{reason}"}} {count}.0' in text


def test_each_status_that_the_edge_refuses_with_has_a_series() -> None:
    written = {
        status
        for path in SIP.rglob("*.py")
        for status in re.findall(r"\bRefusal\(\s*(\d{3})\b", path.read_text())
    }
    assert set(REFUSALS) == written | set(map(str, faults.REASONS))
