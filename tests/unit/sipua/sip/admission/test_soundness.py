"""What can be read in two ways is refused: S3."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sipua.sip.admission.soundness import unsound

FIELDS = {
    "Via": "SIP/2.0/UDP 192.0.2.1;branch=z9hG4bK1",
    "From": "<sip:a@192.0.2.1>;tag=1",
    "To": "<sip:agent@edge>",
    "Call-ID": "1",
    "CSeq": "1 INVITE",
    "Max-Forwards": "70",
    "Content-Length": "4",
}


def request(method: str = "INVITE", *more: str, body: str = "v=0\n", **fields: str) -> str:
    named = {**FIELDS, **{name.replace("_", "-"): value for name, value in fields.items()}}
    lines = [f"{name}: {value}" for name, value in named.items() if value]
    return "\r\n".join((f"{method} sip:agent@edge SIP/2.0", *lines, *more)) + "\r\n\r\n" + body


def told(method: str, raw: str) -> tuple[int, str]:
    refusal = unsound(method, raw)
    return (refusal.status, refusal.cause) if refusal else (200, "")


def test_a_plain_request_is_sound() -> None:
    assert unsound("INVITE", request()) is None
    assert unsound("OPTIONS", request("OPTIONS", CSeq="1 OPTIONS")) is None


@pytest.mark.parametrize(
    ("line", "name"),
    [
        ("f: <sip:b@192.0.2.1>;tag=2", "From"),
        ("to: <sip:other@edge>", "To"),
        ("I: 2", "Call-ID"),
        ("CSEQ \t: 2 INVITE", "CSeq"),
        ("Max-Forwards: 1", "Max-Forwards"),
        ("l: 0", "Content-Length"),
    ],
)
def test_S3_a_field_that_may_be_there_once_is_there_twice(line: str, name: str) -> None:
    assert told("INVITE", request("INVITE", line)) == (400, f"{name} is there more than once")


def test_S3_cseq_has_another_method() -> None:
    assert told("INVITE", request(CSeq="1 OPTIONS")) == (400, "CSeq has another method")
    assert told("INVITE", request(CSeq="1\r\n INVITE")) == (200, "")


@pytest.mark.parametrize(
    ("length", "status"), [("0", 200), ("4", 200), ("5", 400), ("9" * 50, 400)]
)
def test_S3_a_body_that_is_shorter_than_it_says(length: str, status: int) -> None:
    assert told("INVITE", request(Content_Length=length))[0] == status


def test_S3_the_length_is_counted_in_bytes() -> None:
    assert told("INVITE", request(body="ü\udcff", Content_Length="3"))[0] == 200
    assert told("INVITE", request(body="ü\udcff", Content_Length="4"))[0] == 400


@pytest.mark.parametrize(("hops", "status"), [("0", 483), ("000", 483), ("1", 200), ("", 200)])
def test_S3_an_invite_at_its_last_hop(hops: str, status: int) -> None:
    assert told("INVITE", request(Max_Forwards=hops))[0] == status


def test_options_at_its_last_hop_are_answered() -> None:
    assert told("OPTIONS", request("OPTIONS", CSeq="1 OPTIONS", Max_Forwards="0"))[0] == 200


def test_S1_options_that_we_do_not_have_are_named() -> None:
    raw = request("OPTIONS", "Require: one, two", "Require: three", CSeq="1 OPTIONS")
    refusal = unsound("OPTIONS", raw)
    assert refusal is not None
    assert (refusal.status, refusal.headers) == (420, {"Unsupported": "one, two, three"})


@given(st.text(alphabet=st.characters(), max_size=300))
def test_S2_whatever_comes_it_is_judged(raw: str) -> None:
    for method in ("INVITE", "OPTIONS", ""):
        refusal = unsound(method, raw)
        assert refusal is None or refusal.status in (400, 420, 483)
