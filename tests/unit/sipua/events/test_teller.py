"""An event told: its line in the log and its data are the same, and neither has a secret."""

from __future__ import annotations

import io
import json
from typing import Any

import pytest
from structlog.testing import capture_logs

from sipua.events import call_events, edge_events, engine_events
from sipua.events.ended import Ended
from sipua.events.ending import End, Reason
from sipua.events.event import Event
from sipua.events.teller import Teller, Told
from sipua.log import logs, secret_masking

ENVELOPE = {"event", "level", "ts", "call_id"}


@pytest.fixture
def log() -> io.StringIO:
    stream = io.StringIO()
    logs.configure("debug", "json", stream)
    return stream


def tell(event: Event, call_id: str = "c-1") -> Told:
    told: list[Told] = []
    Teller(logs.bind_call(call_id), told.append, call_id).tell(event)
    (one,) = told
    return one


def ended(**fields: Any) -> Ended:
    facts: dict[str, Any] = {
        "status": "completed",
        "end": End("caller", Reason.HANGUP),
        "duration_s": 1.5,
        "direction": "incoming",
        "from_": None,
        "to": "<sip:b@b>",
        "origin": "anyone",
        "route": "",
        "sip_call_id": "abc",
        "began": "2026-11-28T00:00:00.000Z",
        "ended": "2026-11-28T00:00:02.000Z",
    }
    return Ended(**facts | fields)


@pytest.mark.parametrize(
    "event",
    [
        call_events.Ringing(),
        call_events.Dtmf(digit="?", duration_ms=100, inband=False),
        call_events.TurnText(who="agent", item="i", text="Good day"),
        engine_events.EngineUsage(of="response", audio_out=12),
        ended(rtp={"sent": 3, "streams": [{"received": 1}]}),
        edge_events.CallRejected(
            status=403,
            reason="Forbidden",
            sip_call_id="x",
            from_=None,
            to="<sip:b@b>",
            source="192.0.2.1:5060",
        ),
    ],
)
def test_the_line_of_the_log_is_the_event(log: io.StringIO, event: Event) -> None:
    told = tell(event)
    (line,) = [json.loads(line) for line in log.getvalue().splitlines()]
    assert (line["event"], line["level"], line["call_id"]) == (event.type, event.level, "c-1")
    data = json.loads(told.data)
    assert {name: value for name, value in line.items() if name not in ENVELOPE} == data
    assert (told.type, told.call_id) == (event.type, "c-1")


def test_what_need_not_be_there_is_missing_and_what_is_unknown_is_null() -> None:
    data = json.loads(tell(ended()).data)
    assert data["from"] is None
    assert "rtp" not in data
    assert data["end"] == {"by": "caller", "reason": "hangup"}


def test_secrets_are_stars_in_both(log: io.StringIO) -> None:
    secret_masking.register_secret("hunter2-hunter2")
    detail = "engine refused: Authorization: Bearer sk-abcdefgh, hunter2-hunter2"
    told = tell(ended(end=End("edge", Reason.ENGINE_LOST, "engine", detail)))
    told_too = tell(ended(engine={"api_key": "abc", "url": "wss://user:word@host/"}))
    for text in (log.getvalue(), told.data.decode(), told_too.data.decode()):
        for secret in ("hunter2", "abcdefgh", '"abc"', "word@"):
            assert secret not in text.replace('"sip_call_id":"abc"', "").replace(
                '"sip_call_id": "abc"', ""
            )


def test_what_is_no_text_is_an_event_all_the_same() -> None:
    told = tell(ended(to="<sip:\udce4@b>", interruptions=2**70))
    data = json.loads(told.data.decode("utf-8"))
    assert data["to"] == "<sip:?@b>"
    assert data["interruptions"] == 2**70


def test_the_level_of_an_end_says_whether_it_is_ours_to_mend() -> None:
    with capture_logs() as lines:
        tell(ended())
        tell(ended(end=End("edge", Reason.WORKER_DIED, "edge")))
        tell(ended(end=End("edge", Reason.MEDIA_TIMEOUT, "network")))
    assert [line["log_level"] for line in lines] == ["info", "error", "info"]
