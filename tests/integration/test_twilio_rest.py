"""Twilio's own client asks our API, as agents do: it looks at calls, steers and places them."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qsl
from urllib.request import Request, urlopen

import pytest
from twilio.base.exceptions import TwilioException, TwilioRestException
from twilio.request_validator import RequestValidator
from twilio.rest import Client
from twilio.rest.api.v2010.account.call import CallContext
from twilio.twiml.voice_response import VoiceResponse

from sipua.bridge.engines.twilio_stream.sids import call_sid
from sipua.calls.steer.commands import Done, HangUp, RunDocuments
from support.calls.api import TOKENS
from support.calls.crowded_api import CrowdedApi, answered, ended, incoming
from support.calls.hook_server import HookServer, answer, later
from support.calls.twilio_client import ACCOUNT, twilio_client
from support.process import wait_until

PLACING = {"prefixes": ["+43", "sip:@pbx.example"], "max_calls": 2, "per_minute": 1000}


@pytest.fixture(scope="module")
def api() -> Iterator[CrowdedApi]:
    more = {
        "twilio": {
            "account_sid": ACCOUNT,
            "auth_token": TOKENS["admin"],
            "hosts": ["localhost"],
            "allow": ["127.0.0.0/8", "::1"],
            "may_call": ["+49"],
        },
        "tools": {"transfer": {"targets": {"sales": "sip:sales@pbx.example"}}},
        "queues": ({"name": "people", "agent": "support"},),
    }
    crowd = CrowdedApi(more, placing=PLACING)
    yield crowd
    crowd.close()


@pytest.fixture(autouse=True)
def _afresh(api: CrowdedApi) -> None:
    api.edge.steered.clear()
    api.edge.done = Done("done")


def client(api: CrowdedApi, right: str = "admin", user: str = ACCOUNT) -> Client:
    return twilio_client(api.url, TOKENS[right], user=user)


def call(api: CrowdedApi, id_: str, right: str = "admin") -> CallContext:
    return client(api, right).calls(call_sid(id_))


CALLER = {"number": "+4312345", "name": "Eve", "diverted": ["+43999"]}


# --- looking ----------------------------------------------------------------------------------


def test_a_call_while_it_lasts_and_behind_its_end(api: CrowdedApi) -> None:
    api.tell([incoming("c-look", caller=CALLER, called="+43200")], at_s=1_764_000_000)
    ringing = call(api, "c-look", "readonly").fetch()
    assert ringing.sid == call_sid("c-look")
    assert (ringing.account_sid, ringing.direction) == (ACCOUNT, "inbound")
    assert (ringing.status, ringing.start_time, ringing.duration) == ("ringing", None, None)
    assert (ringing._from, ringing.to) == ("+4312345", "+43200")
    assert (ringing.caller_name, ringing.forwarded_from) == ("Eve", "+43999")
    assert ringing.date_created == datetime.fromtimestamp(1_764_000_000, UTC)

    api.tell(answered("c-look", caller=CALLER, called="+43200")[1:], at_s=1_764_000_004)
    up = call(api, "c-look").fetch()
    assert (up.status, up.duration) == ("in-progress", None)
    assert up.start_time == datetime.fromtimestamp(1_764_000_004, UTC)

    api.tell([ended("c-look")], at_s=1_764_000_066)
    over = call(api, "c-look").fetch()
    assert (over.status, over.duration) == ("completed", "62")
    assert over.end_time == datetime.fromtimestamp(1_764_000_066, UTC)


@pytest.mark.parametrize(
    ("status", "told"),
    [("busy", "busy"), ("no_answer", "no-answer"), ("canceled", "canceled"), ("failed", "failed")],
)
def test_how_a_call_has_ended(api: CrowdedApi, status: str, told: str) -> None:
    api.tell([incoming(f"c-{status}"), ended(f"c-{status}", status=status)])
    assert call(api, f"c-{status}").fetch().status == told


def test_a_caller_who_withholds_its_number(api: CrowdedApi) -> None:
    api.tell([incoming("c-anonymous", caller={"anonymous": True})])
    assert call(api, "c-anonymous").fetch()._from == "Anonymous"


def test_the_list_page_by_page(api: CrowdedApi) -> None:
    ids = [f"c-list-{number}" for number in range(7)]
    api.tell([incoming(one, called="+43777") for one in ids])
    found = client(api, "readonly").calls.list(to="+43777", status="ringing", page_size=3)
    assert [one.sid for one in found] == [call_sid(one) for one in reversed(ids)]
    assert len(client(api).calls.list(to="+43777", limit=4)) == 4
    assert client(api).calls.list(to="+43778") == []
    first = client(api).calls.page(to="+43777", page_size=3)
    second = first.next_page()
    assert second is not None
    again = second.previous_page()
    assert again is not None
    assert [one.sid for one in again] == [one.sid for one in found[:3]]


def test_a_filter_that_is_not_known_is_no_filter_that_is_ignored(api: CrowdedApi) -> None:
    with pytest.raises(TwilioException, match=r"20001.*ParentCallSid"):
        client(api).calls.list(parent_call_sid="CA" + "0" * 32)


# --- who may ------------------------------------------------------------------------------------


def test_a_key_and_its_secret(api: CrowdedApi) -> None:
    api.tell([incoming("c-key")])
    asks = client(api, user="SK" + "1" * 32)
    assert asks.calls(call_sid("c-key")).fetch().sid == call_sid("c-key")


@pytest.mark.parametrize(
    ("user", "password"),
    [(ACCOUNT, "wrong" * 5), ("AC" + "f" * 32, TOKENS["admin"]), ("bob", TOKENS["admin"])],
    ids=["password", "account", "user"],
)
def test_wrong_credentials(api: CrowdedApi, user: str, password: str) -> None:
    asks = twilio_client(api.url, password, user=user)
    with pytest.raises(TwilioRestException) as caught:
        asks.calls(call_sid("c-key")).fetch()
    assert (caught.value.status, caught.value.code) == (401, 20_003)


@pytest.mark.parametrize(
    "credentials",
    [None, "Basic", "Basic %%%", f"Bearer {TOKENS['admin']}"],
    ids=["none", "bare", "garbage", "bearer"],
)
def test_no_credentials(api: CrowdedApi, credentials: str | None) -> None:
    status, body, headers = ask(api, "GET", "/Calls.json", credentials=credentials)
    assert (status, body["code"]) == (401, 20_003)
    assert headers["www-authenticate"] == 'Basic realm="sipua"'


def test_another_account(api: CrowdedApi) -> None:
    asks = twilio_client(api.url, TOKENS["admin"], account="AC" + "f" * 32)
    with pytest.raises(TwilioRestException) as caught:
        asks.calls(call_sid("c-key")).fetch()
    assert (caught.value.status, caught.value.code) == (404, 20_404)


def test_one_who_may_only_look(api: CrowdedApi) -> None:
    api.tell([incoming("c-right")])
    with pytest.raises(TwilioRestException) as caught:
        call(api, "c-right", "readonly").update(status="completed")
    assert (caught.value.status, caught.value.code) == (403, 20_403)
    assert not api.edge.steered


# --- steering -----------------------------------------------------------------------------------


def test_hanging_up(api: CrowdedApi) -> None:
    api.tell(answered("c-up"))
    assert call(api, "c-up", "operator").update(status="completed").status == "completed"
    assert api.edge.steered == [("c-up", HangUp("REST: completed"))]


def test_hanging_up_a_call_that_has_just_ended(api: CrowdedApi) -> None:
    api.tell(answered("c-just"))
    api.edge.done = Done("no_call")
    assert call(api, "c-just").update(status="completed").status == "completed"


def test_canceling(api: CrowdedApi) -> None:
    api.tell([incoming("c-cancel")])
    assert call(api, "c-cancel").update(status="canceled").status == "canceled"
    api.tell(answered("c-answered"))
    with pytest.raises(TwilioRestException) as caught:
        call(api, "c-answered").update(status="canceled")
    assert (caught.value.status, caught.value.code) == (400, 21_220)
    assert [id_ for id_, _ in api.edge.steered] == ["c-cancel"]


def test_a_call_that_is_over_or_never_was(api: CrowdedApi) -> None:
    """As pipecat takes it: 404 with 20404 means that the call is over."""
    api.tell([incoming("c-over"), ended("c-over")])
    for id_ in ("c-over", "c-never"):
        with pytest.raises(TwilioRestException) as caught:
            call(api, id_).update(status="completed")
        assert (caught.value.status, caught.value.code) == (404, 20_404)


def dial(target: str, *, sip: bool = False) -> str:
    response = VoiceResponse()
    verb = response.dial(answer_on_bridge=True)
    verb.sip(target) if sip else verb.number(target)
    return str(response)


@pytest.mark.parametrize(
    "twiml",
    [
        dial("+43 1 234"),
        dial("+49123"),
        dial("sales"),
        dial("sip:bob@pbx.example", sip=True),
        "<Response><Refer><Sip>sip:bob@pbx.example</Sip></Refer></Response>",
        "<Response><Enqueue>people</Enqueue></Response>",
        "<Response><Say>One moment.</Say><Pause/><Hangup/></Response>",
    ],
)
def test_a_document_leads_the_call_from_then_on(api: CrowdedApi, twiml: str) -> None:
    api.tell(answered("c-order"))
    told = call(api, "c-order").update(twiml=twiml)
    order = RunDocuments(text=twiml, may_call=tuple(PLACING["prefixes"]))  # type: ignore[arg-type]
    assert api.edge.steered == [("c-order", order)]
    assert told.status == "in-progress"


@pytest.mark.parametrize("twiml", ["<Response><Hangup/></Response>", "<Response/>"])
def test_a_document_that_does_nothing_ends_the_call(api: CrowdedApi, twiml: str) -> None:
    api.tell(answered("c-ends"))
    assert call(api, "c-ends").update(twiml=twiml).status == "completed"
    assert api.edge.steered == [("c-ends", HangUp("REST: Twiml"))]


@pytest.mark.parametrize(
    ("twiml", "code", "words"),
    [
        (dial("+1900555"), 21_215, "place.prefixes"),
        (dial("sip:eve@elsewhere.example", sip=True), 21_215, "place.prefixes"),
        ("<Response><Dial><Conference>a</Conference></Dial></Response>", 20_001, "not possible"),
        ("<Response><ConversationRelay/></Response>", 20_001, "<ConversationRelay> is not"),
        ("<Response><Enqueue>nowhere</Enqueue></Response>", 20_001, "no queue"),
        ("<Response>", 12_100, "not well formed"),
        ("<Response>" + " " * 4000 + "</Response>", 20_001, "Twiml"),
    ],
)
def test_a_document_that_is_none(api: CrowdedApi, twiml: str, code: int, words: str) -> None:
    api.tell(answered("c-none"))
    with pytest.raises(TwilioRestException) as caught:
        call(api, "c-none").update(twiml=twiml)
    assert (caught.value.status, caught.value.code) == (400, code)
    assert words in caught.value.msg
    assert not api.edge.steered


def test_a_url_leads_the_call(api: CrowdedApi) -> None:
    api.tell(answered("c-url"))
    url, fallback = "http://localhost:8080/voice?a=1", "http://localhost/sorry"
    call(api, "c-url").update(url=url, method="GET", fallback_url=fallback)
    ((_, order),) = api.edge.steered
    assert (order.url, order.method, order.fallback_url, order.text) == (url, "GET", fallback, "")


@pytest.mark.parametrize("url", ["https://agent.example/", "ftp://localhost/", "/voice", "http://"])
def test_a_url_of_another_host_is_refused(api: CrowdedApi, url: str) -> None:
    api.tell(answered("c-url"))
    for more in ({"url": url}, {"url": "http://localhost/", "fallback_url": url}):
        with pytest.raises(TwilioRestException) as caught:
            call(api, "c-url").update(**more)
        assert (caught.value.status, caught.value.code) == (400, 21_205)
    assert not api.edge.steered


@pytest.mark.parametrize(
    ("done", "status", "code"),
    [
        (Done("wrong_state", "it is on hold"), 400, 21_220),
        (Done("invalid", "no"), 400, 20_001),
        (Done("busy"), 429, 20_429),
        (Done("failed"), 500, 20_500),
        (Done("timeout"), 503, 20_503),
    ],
)
def test_what_the_call_answers(api: CrowdedApi, done: Done, status: int, code: int) -> None:
    api.tell(answered("c-not"))
    api.edge.done = done
    with pytest.raises(TwilioRestException) as caught:
        call(api, "c-not").update(twiml=dial("+431"))
    assert (caught.value.status, caught.value.code) == (status, code)


# --- placing ------------------------------------------------------------------------------------


def test_placing_a_call(api: CrowdedApi) -> None:
    placed = client(api).calls.create(
        to="+43555",
        from_="+43200",
        application_sid="support",
        timeout=20,
        time_limit=600,
        machine_detection="Enable",
    )
    assert (placed.status, placed.direction) == ("queued", "outbound-api")
    assert (placed.to, placed._from) == ("+43555", "+43200")
    request = api.edge.placed[-1]
    assert (request.to, request.caller_id, request.route) == ("+43555", "+43200", "support")
    assert (request.ring_timeout_s, request.max_duration_s) == (20, 600)
    assert (request.answering, request.by) == ("detect", "admin")
    assert client(api).calls(placed.sid).fetch().sid == placed.sid
    api.tell([ended(f"c-placed-{len(api.edge.placed)}")])


@pytest.mark.parametrize(
    "more", [{"url": "http://localhost/voice"}, {"twiml": "<Response><Pause/></Response>"}]
)
def test_a_placed_call_that_documents_lead(api: CrowdedApi, more: dict[str, str]) -> None:
    client(api).calls.create(to="+43555", from_="+43200", **more)
    documents = api.edge.placed[-1].documents
    assert documents is not None
    assert (documents.url or documents.text) == next(iter(more.values()))
    api.tell([ended(f"c-placed-{len(api.edge.placed)}")])


@pytest.mark.parametrize(
    ("more", "right", "status", "code"),
    [
        ({"application_sid": "support", "to": "+1900555"}, "admin", 400, 21_215),
        ({"application_sid": "support"}, "operator", 400, 21_215),
        ({"url": "https://agent.example/"}, "admin", 400, 21_205),
        ({"twiml": dial("+1900555")}, "admin", 400, 21_215),
        ({}, "admin", 400, 21_218),
        ({"application_sid": "support", "timeout": 9999}, "admin", 400, 20_001),
    ],
)
def test_a_call_that_is_not_placed(
    api: CrowdedApi, more: dict[str, Any], right: str, status: int, code: int
) -> None:
    before = len(api.edge.placed)
    with pytest.raises(TwilioRestException) as caught:
        client(api, right).calls.create(**{"to": "+43555", "from_": "+43200", **more})
    assert (caught.value.status, caught.value.code) == (status, code)
    assert len(api.edge.placed) == before


def test_only_so_many_at_once_by_whichever_way(api: CrowdedApi) -> None:
    begun = []
    for _ in range(PLACING["max_calls"]):  # type: ignore[call-overload]
        client(api).calls.create(to="+43555", from_="+43200", application_sid="support")
        begun.append(f"c-placed-{len(api.edge.placed)}")
    with pytest.raises(TwilioRestException) as caught:
        client(api).calls.create(to="+43555", from_="+43200", application_sid="support")
    assert (caught.value.status, caught.value.code) == (429, 20_429)
    api.tell([ended(one) for one in begun])


# --- what no client of Twilio's sends -------------------------------------------------------------


def ask(
    api: CrowdedApi,
    method: str,
    path: str,
    body: bytes | None = None,
    *,
    credentials: str | None,
    content_type: str = "application/x-www-form-urlencoded",
    more: Mapping[str, str] | None = None,
) -> tuple[int, dict[str, Any], dict[str, str]]:
    url = f"{api.url}2010-04-01/Accounts/{ACCOUNT}{path}"
    headers = {"Content-Type": content_type, **(more or {})}
    if credentials is not None:
        headers["Authorization"] = credentials
    request = Request(url, body, headers, method=method)
    try:
        with urlopen(request, timeout=10) as reply:
            status, data, head = reply.status, reply.read(), reply.headers
    except OSError as error:
        status, data, head = error.code, error.read(), error.headers  # type: ignore[attr-defined]
    return status, json.loads(data), {name.lower(): value for name, value in head.items()}


def basic(right: str = "admin") -> str:
    return "Basic " + base64.b64encode(f"{ACCOUNT}:{TOKENS[right]}".encode()).decode()


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "code"),
    [
        ("GET", "/Messages.json", None, 404, 20_404),
        ("DELETE", "/Calls/CA1.json", None, 405, 20_004),
        ("POST", "/Calls/CA1.json", b"Status=completed&" * 200, 400, 20_001),
        ("POST", "/Calls/CA1.json", b"Status=%ff", 400, 20_001),
        ("POST", "/Calls/CA1.json", b"Status=sleeping", 400, 20_001),
        ("POST", "/Calls/CA1.json", b"Twiml=" + b"a" * 70_000, 400, 20_001),
        ("POST", "/Calls.json", b"From=1", 400, 20_001),
        ("GET", "/Calls.json?PageSize=5000", None, 400, 20_001),
    ],
)
def test_requests_that_are_none(  # noqa: PLR0917
    api: CrowdedApi, method: str, path: str, body: bytes | None, status: int, code: int
) -> None:
    got, told, headers = ask(api, method, path, body, credentials=basic())
    assert (got, told["code"], told["status"]) == (status, code, status)
    assert told["more_info"] == f"https://www.twilio.com/docs/errors/{code}"
    assert headers["content-type"] == "application/json"


def test_json_is_no_form(api: CrowdedApi) -> None:
    got = ask(
        api, "POST", "/Calls.json", b"{}", credentials=basic(), content_type="application/json"
    )
    assert (got[0], got[1]["code"]) == (400, 20_001)


def test_parameters_without_an_effect_are_logged(
    api: CrowdedApi, capfd: pytest.CaptureFixture[str]
) -> None:
    api.tell(answered("c-more"))
    call(api, "c-more").update(status="completed", time_limit=5)
    assert "TimeLimit" in "".join(capfd.readouterr())


# --- status callbacks ---------------------------------------------------------------------------


def place(api: CrowdedApi, url: str, **more: Any) -> tuple[str, str]:
    """Its SID, and our id of it."""
    placed = client(api).calls.create(
        to="+43555", from_="+43200", application_sid="support", status_callback=url, **more
    )
    return str(placed.sid), f"c-placed-{len(api.edge.placed)}"


def forms(server: HookServer, count: int) -> list[dict[str, str]]:
    """So many; each is one that the vendor's validator takes."""
    wait_until(lambda: len(server.requests) >= count, 20, "status callbacks")
    found = []
    for received in server.requests:
        form = dict(parse_qsl(received.body.decode(), keep_blank_values=True))
        validator = RequestValidator(TOKENS["admin"])
        url = f"{server.url}{received.path}"
        assert validator.validate(url, form, received.headers["x-twilio-signature"])
        found.append(form)
    return found


EVENTS = ["initiated", "ringing", "answered", "completed"]


def test_how_a_placed_call_goes(api: CrowdedApi) -> None:
    with HookServer([answer(200)]) as server:
        url = f"{server.url}/status?key=1"
        sid, id_ = place(api, url, status_callback_event=EVENTS)
        forms(server, 1)
        api.tell([("call.invited", id_, {"sip_call_id": "a@b"})])
        api.tell([("call.progress", id_, {"status": 180})])
        forms(server, 2)
        api.tell([("call.confirmed", id_, {})])
        forms(server, 3)
        api.tell([ended(id_)])
        told = forms(server, 4)
    assert [one["CallStatus"] for one in told] == [
        "initiated",
        "ringing",
        "in-progress",
        "completed",
    ]
    assert [one["SequenceNumber"] for one in told] == ["0", "1", "2", "3"]
    assert {one["CallSid"] for one in told} == {sid}
    assert {one["Direction"] for one in told} == {"outbound-api"}
    assert [one.get("CallDuration") for one in told] == [None, None, None, "62"]
    assert len({one.headers["i-twilio-idempotency-token"] for one in server.requests}) == 4


def test_the_end_alone_and_that_it_was_busy(api: CrowdedApi) -> None:
    with HookServer([answer(200)]) as server:
        _, id_ = place(api, server.url + "/")
        api.tell([("call.progress", id_, {"status": 180}), ended(id_, status="busy")])
        (told,) = forms(server, 1)
    assert (told["CallStatus"], told["CallDuration"], told["Duration"]) == ("busy", "0", "0")


def test_what_happens_while_one_is_sent_keeps_its_order(api: CrowdedApi) -> None:
    with HookServer([later(0.5, answer(500)), answer(200)]) as server:
        _, id_ = place(api, server.url + "/", status_callback_event=EVENTS)
        wait_until(lambda: server.requests, 20, "the first one")
        api.tell([("call.progress", id_, {"status": 180}), ("call.confirmed", id_, {}), ended(id_)])
        told = forms(server, 2)
    assert [one["CallStatus"] for one in told] == ["initiated", "completed"]


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ({"status_callback": "https://elsewhere.example/"}, "twilio.hosts"),
        ({"status_callback": "file:///etc/passwd"}, "twilio.hosts"),
        (
            {"status_callback": "http://localhost/", "status_callback_event": ["asleep"]},
            "asleep is not known",
        ),
    ],
)
def test_a_callback_that_is_none(api: CrowdedApi, more: dict[str, Any], words: str) -> None:
    before = len(api.edge.placed)
    with pytest.raises(TwilioRestException, match=words) as caught:
        client(api).calls.create(to="+43555", from_="+43200", application_sid="support", **more)
    assert (caught.value.status, caught.value.code) == (400, 21_609)
    assert len(api.edge.placed) == before


def test_a_web_page_cannot_use_what_a_browser_remembers(api: CrowdedApi) -> None:
    api.tell([incoming("c-page")])
    for header in ({"Origin": "https://elsewhere.example"}, {"Sec-Fetch-Site": "cross-site"}):
        path = f"/Calls/{call_sid('c-page')}.json"
        status, body, _ = ask(api, "GET", path, credentials=basic("admin"), more=header)
        assert (status, body["code"]) == (401, 20_003)
