from __future__ import annotations

from sipua.sip.admission import invite
from sipua.sip.admission.admission import Refusal

INVITE = (
    "INVITE sip:100@10.0.0.9 SIP/2.0\r\nFrom: <sip:a@b>;tag=1\r\nTo: <sip:100@b>\r\n"
    "Call-ID: \udcff1\r\n\r\n"
)


def test_what_an_invite_says() -> None:
    told = invite.read(INVITE, "10.0.0.1:5061")
    assert (told.from_uri, told.to_uri) == ("<sip:a@b>;tag=1", "<sip:100@b>")
    assert (told.sip_call_id, told.request_uri) == ("\ufffd1", "sip:100@10.0.0.9")
    assert told.source == ("10.0.0.1", 5061)


def test_a_refusal_says_whose_it_was_and_what_was_odd() -> None:
    refused = invite.read(INVITE, "10.0.0.1:5061").refused(Refusal(403, "Forbidden"))
    assert (refused.status, refused.reason) == (403, "Forbidden")
    assert refused.source == ("10.0.0.1", 5061)
    assert refused.altered == ("Call-ID: has bytes that are no text",)


def test_the_trace_that_it_says_it_is_part_of() -> None:
    def told(lines: str) -> str:
        return invite.read(
            f"INVITE sip:a@b SIP/2.0\r\n{lines}\r\n\r\ntraceparent: body", "192.0.2.7:5060"
        ).traceparent

    assert told("From: a") == ""
    assert told("traceparent: one") == "one"
    assert told("X-TRACEPARENT : one") == "one"
    assert told("X-Traceparent: other\r\ntraceparent: one") == "one"
    assert told("traceparent: one\r\nTraceParent: other") == ""
    assert told("x-traceparent-2: one") == ""
    assert len(told("traceparent: " + "a" * 60_000)) < 1000
