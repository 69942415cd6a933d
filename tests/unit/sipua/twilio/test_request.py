"""What an agent gets: judged by the vendor's own validator, and by the parser of HTTP forms."""

from dataclasses import replace
from datetime import UTC, datetime
from urllib.parse import parse_qs, parse_qsl, urlsplit

import pytest
from hypothesis import given
from hypothesis import strategies as st
from twilio.request_validator import RequestValidator

from sipua.bridge.engines.twilio_stream.sids import call_sid
from sipua.bridge.engines.twilio_stream.signature import HEADER, signature
from sipua.calls.facts import CallFacts
from sipua.sip.wire.caller_id import ANONYMOUS, Caller
from sipua.sip.wire.verdict import Verdict
from sipua.twilio import request
from sipua.twilio.request import WebRequest, written

ACCOUNT = "AC" + "0" * 32
TOKEN = "not-a-secret-12345"
AT = datetime(2026, 11, 29, 20, 5, 6, 7000, UTC)
FACTS = CallFacts(
    call_id="c-1",
    direction="incoming",
    from_uri='"Eve" <sip:+4312345@pbx.example.com>;tag=1',
    to_uri="<sip:200@edge.example.com>",
    origin="pbx",
    route="agent",
    started_at=AT,
    sip_call_id="abc@pbx",
    talked_s=61.2,
    caller=Caller(
        number="+4312345",
        name="Eve",
        diverted=("+43999", "+43888"),
        verdict=Verdict("TN-Validation-Passed", "A"),
    ),
    called="+43200",
    headers={"X-Tenant": "a b", "User-to-User": "1"},
)
VENDORS_FORM = {
    "CallSid": "CA1234567890ABCDE",
    "Caller": "+12349013030",
    "Digits": "1234",
    "From": "+12349013030",
    "To": "+18005551212",
}


def test_the_vendors_vectors() -> None:
    url = "https://mycompany.com/myapp.php?foo=1&bar=2"
    assert signature("12345", url, VENDORS_FORM) == "0/KCTR6DLpKmkAf8muzZqo1nDgQ="
    assert signature("12345", "wss://example.com/stream") == "KG4JbhDlv15BMlxSTOWKt9btbgg="


_TEXTS = st.text(st.characters(exclude_categories=("Cs",)), max_size=20)


@given(st.dictionaries(_TEXTS.filter(bool), _TEXTS, max_size=6))
def test_a_form_is_signed_as_the_vendors_validator_wants_it(parameters: dict[str, str]) -> None:
    url = "https://agent.example/voice?a=b"
    asked = written(url, "POST", parameters, auth_token=TOKEN, token="t")
    form = dict(parse_qsl(asked.body.decode(), keep_blank_values=True))
    assert form == parameters
    assert RequestValidator(TOKEN).validate(asked.url, form, asked.headers[HEADER])
    assert not RequestValidator("another").validate(asked.url, form, asked.headers[HEADER])


@pytest.mark.parametrize("url", ["https://a.example/v", "https://a.example/v?x=1"])
def test_a_get_is_signed_with_its_query(url: str) -> None:
    asked = written(url, "GET", {"From": "+43 1", "Digits": "1#"}, auth_token=TOKEN, token="t")
    assert asked.body == b""
    query = parse_qs(urlsplit(asked.url).query)
    assert query["From"] == ["+43 1"]
    assert query["Digits"] == ["1#"]
    assert RequestValidator(TOKEN).validate(asked.url, {}, asked.headers[HEADER])


def test_without_a_token_nothing_is_signed() -> None:
    assert HEADER not in written("https://a.example/", "POST", {}, auth_token="", token="t").headers


def test_nothing_of_it_is_shown() -> None:
    asked = written("https://a.example/?key=1", "POST", {"a": "b"}, auth_token=TOKEN, token="t")
    assert isinstance(asked, WebRequest)
    assert repr(asked) == "WebRequest(method='POST')"


def test_what_is_told_of_a_call_that_comes_in() -> None:
    assert request.of_call(FACTS, ACCOUNT, "ringing") == {
        "AccountSid": ACCOUNT,
        "ApiVersion": "2010-04-01",
        "CallSid": call_sid("c-1"),
        "CallStatus": "ringing",
        "Direction": "inbound",
        "From": "+4312345",
        "Caller": "+4312345",
        "To": "+43200",
        "Called": "+43200",
        "CallerName": "Eve",
        "ForwardedFrom": "+43999",
        "SipCallId": "abc@pbx",
        "SipDomain": "edge.example.com",
        "StirVerstat": "TN-Validation-Passed-A",
        "SipHeader_X-Tenant": "a b",
    }


def test_what_is_told_of_one_that_we_place() -> None:
    placed = replace(FACTS, direction="outgoing", caller=Caller(number="+431"), headers={})
    told = request.of_call(placed, ACCOUNT, "in-progress")
    assert told["Direction"] == "outbound-api"
    assert (told["From"], told["To"]) == ("+431", "+43200")
    assert not {"CallerName", "ForwardedFrom", "StirVerstat"} & told.keys()


@pytest.mark.parametrize(
    ("facts", "from_", "to"),
    [
        (replace(FACTS, caller=Caller(number="(01) 23-4")), "01234", "+43200"),
        (
            replace(FACTS, caller=Caller(number="bob"), from_uri="<sip:bob@h;user=phone>;tag=2"),
            "sip:bob@h",
            "+43200",
        ),
        (replace(FACTS, called="", to_uri="sip:alice@edge"), "+4312345", "sip:alice@edge"),
        (
            replace(FACTS, from_uri=ANONYMOUS, caller=Caller("+431", name="x", anonymous=True)),
            "Anonymous",
            "+43200",
        ),
    ],
)
def test_who_calls_whom(facts: CallFacts, from_: str, to: str) -> None:
    told = request.of_call(facts, ACCOUNT, "ringing")
    assert (told["From"], told["To"]) == (from_, to)


def test_a_caller_who_withholds_its_number_is_not_named() -> None:
    hidden = replace(
        FACTS, from_uri=ANONYMOUS, caller=Caller("+431777", name="Eve", anonymous=True)
    )
    told = request.of_call(hidden, ACCOUNT, "ringing")
    assert not [value for value in told.values() if "Eve" in value or "+431777" in value]


def test_values_are_bounded() -> None:
    told = request.of_call(replace(FACTS, headers={"X-A": "b" * 9000}), ACCOUNT, "ringing")
    assert max(map(len, told.values())) == 512


def test_the_progress_of_a_call() -> None:
    call = request.of_call(FACTS, ACCOUNT, "completed")
    told = request.of_progress(call, sequence=3, at=AT, duration_s=61.2)
    assert {name: told[name] for name in told.keys() - call.keys()} == {
        "CallbackSource": "call-progress-events",
        "SequenceNumber": "3",
        "Timestamp": "Sun, 29 Nov 2026 20:05:06 +0000",
        "CallDuration": "61",
        "Duration": "2",
    }
    assert "CallDuration" not in request.of_progress(call, sequence=3, at=AT)


def test_every_end_has_a_status() -> None:
    assert request.ended_status("no_answer") == "no-answer"
    assert request.ended_status("rejected") == "failed"
    assert request.ended_status("failed", "internal_error", 486) == "failed"
    assert request.ended_status("failed", "agent_hangup", 486) == "busy"
    assert request.ended_status("failed", "agent_hangup", 603) == "no-answer"
    assert request.ended_status("completed", "agent_hangup", 200) == "completed"


def test_the_status_of_a_stream() -> None:
    told = request.of_stream(
        FACTS, ACCOUNT, stream_sid="MZ1", name="", event="stream-error", at=AT, error="31921"
    )
    assert told == {
        "AccountSid": ACCOUNT,
        "CallSid": call_sid("c-1"),
        "StreamSid": "MZ1",
        "StreamName": "MZ1",
        "StreamEvent": "stream-error",
        "StreamError": "31921",
        "Timestamp": "2026-11-29T20:05:06.007Z",
    }


def test_the_status_of_a_recording() -> None:
    told = request.of_recording(
        FACTS, ACCOUNT, sid="RE1", url="https://e/RE1", duration_s=7, began=AT
    )
    assert told == {
        "AccountSid": ACCOUNT,
        "CallSid": call_sid("c-1"),
        "RecordingSid": "RE1",
        "RecordingUrl": "https://e/RE1",
        "RecordingStatus": "completed",
        "RecordingDuration": "7",
        "RecordingChannels": "1",
        "RecordingSource": "RecordVerb",
        "RecordingStartTime": "Sun, 29 Nov 2026 20:05:06 +0000",
    }


def test_names_and_tokens_stay_the_same() -> None:
    assert call_sid("c-1") == call_sid("c-1") != call_sid("c-2")
    assert len(call_sid("c-1")) == 34
    tokens = {request.idempotency_token("c-1", number) for number in (1, 1, 2)}
    assert len(tokens) == 2
    assert {len(token) for token in tokens} == {36}
