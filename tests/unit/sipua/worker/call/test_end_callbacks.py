from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest
import structlog
from twilio.request_validator import RequestValidator

from sipua.bridge.engines.twilio_stream.sids import call_sid
from sipua.calls.facts import CallFacts
from sipua.events import call_events
from sipua.events.ended import Ended
from sipua.events.ending import End, Reason, SipEnd, Status
from sipua.events.event import Event
from sipua.sip.wire.caller_id import Caller
from sipua.twilio.request import WebRequest
from sipua.twilio.twiml.verbs import Method, StatusCallback
from sipua.worker.call.end_callbacks import EndCallbacks

ACCOUNT = "AC" + "1" * 32
TOKEN = "0123456789abcdef"
URL = "https://agent.example.com/status?tenant=a"
FACTS = CallFacts(
    call_id="c-1",
    direction="incoming",
    from_uri="sip:+431@h",
    to_uri="sip:200@h",
    origin="carrier",
    route="led",
    started_at=datetime(2026, 11, 30, tzinfo=UTC),
    sip_call_id="a@b",
    caller=Caller("+431"),
    called="200",
)
HUNG_UP = End("caller", Reason.HANGUP)
LOG = structlog.get_logger()


class Scene:
    def __init__(self, method: Method = "POST") -> None:
        self.sent: list[WebRequest] = []
        self.told: list[Event] = []
        callbacks = {"led": StatusCallback(URL, method)}
        self.ends = EndCallbacks(callbacks, ACCOUNT, TOKEN, lambda one, _log: self.sent.append(one))

    def tell(self, event: Event, **facts: Any) -> None:
        self.ends.watching(replace(FACTS, **facts), self.told.append, LOG)(event)

    @property
    def form(self) -> Mapping[str, str]:
        (sent,) = self.sent
        return dict(parse_qsl(sent.body.decode() or urlsplit(sent.url).query))


def ended(status: Status, duration_s: float = 0.0, end: End = HUNG_UP) -> Ended:
    return Ended(
        status=status,
        end=end,
        duration_s=duration_s,
        direction="incoming",
        from_=None,
        to=None,
        origin="carrier",
        route="led",
        sip_call_id="a@b",
        began="",
        ended="",
    )


def test_the_end_of_a_call_is_told_with_its_length() -> None:
    scene = Scene()
    scene.tell(ended("completed", 61.6))
    form = scene.form
    assert RequestValidator(TOKEN).validate(URL, form, scene.sent[0].headers["X-Twilio-Signature"])
    assert (form["CallSid"], form["AccountSid"]) == (call_sid("c-1"), ACCOUNT)
    assert (form["CallStatus"], form["CallDuration"], form["Duration"]) == ("completed", "62", "2")
    assert (form["Direction"], form["From"], form["To"]) == ("inbound", "+431", "200")
    assert (form["SequenceNumber"], form["SipCallId"]) == ("0", "a@b")
    assert form["CallbackSource"] == "call-progress-events"
    assert len(scene.told) == 1


def test_by_get_it_stands_in_the_address() -> None:
    scene = Scene("GET")
    scene.tell(ended("completed", 1.0))
    assert (scene.sent[0].method, scene.form["tenant"]) == ("GET", "a")
    assert scene.form["CallDuration"] == "1"


@pytest.mark.parametrize(
    ("status", "told"),
    [
        ("canceled", "canceled"),
        ("busy", "busy"),
        ("no_answer", "no-answer"),
        ("rejected", "failed"),
        ("failed", "failed"),
    ],
)
def test_one_that_was_never_answered_has_no_length(status: Status, told: str) -> None:
    scene = Scene()
    scene.tell(ended(status))
    form = scene.form
    assert (form["CallStatus"], form["CallDuration"], form["Duration"]) == (told, "0", "0")


@pytest.mark.parametrize(("sip_status", "told"), [(486, "busy"), (603, "no-answer")])
def test_one_that_a_document_has_refused(sip_status: int, told: str) -> None:
    scene = Scene()
    refused = End("agent", Reason.AGENT_HANGUP, sip=SipEnd(sip_status, "Busy Here"))
    scene.tell(ended("failed", end=refused))
    assert scene.form["CallStatus"] == told


def test_what_is_not_told() -> None:
    scene = Scene()
    scene.tell(call_events.Confirmed())
    scene.tell(ended("completed"), route="another")
    scene.tell(ended("completed"), direction="outgoing")
    assert (len(scene.told), scene.sent) == (3, [])
