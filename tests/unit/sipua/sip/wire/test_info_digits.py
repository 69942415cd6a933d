"""Digits by SIP INFO, as gateways send them, and what is none."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sipua.rtp.dtmf import MAX_PER_S
from sipua.sip.wire.info_digits import (
    BAD_REQUEST,
    BUSY,
    LONGEST_MS,
    OK,
    UNSUPPORTED_TYPE,
    USUAL_MS,
    Info,
    InfoDigits,
    parse,
)

RELAY, PLAIN = "application/dtmf-relay", "application/dtmf"


def message(kind: str, body: str) -> str:
    head = f"INFO sip:agent@192.0.2.1 SIP/2.0\r\nCSeq: 2 INFO\r\nContent-Type: {kind}\r\n"
    return f"{head}Content-Length: {len(body)}\r\n\r\n{body}"


@pytest.mark.parametrize(
    ("kind", "body", "digit", "duration_ms"),
    [
        (RELAY, "Signal=5\r\nDuration=160\r\n", "5", 160),
        (RELAY, "Signal= 5\nDuration= 250", "5", 250),
        (RELAY, "Duration=100\r\nsignal = *\r\n", "*", 100),
        (RELAY, "Signal=11\r\nDuration=100\r\n", "#", 100),
        (RELAY, "Signal=#\r\n", "#", USUAL_MS),
        (RELAY, "Signal=b\r\nDuration=999999\r\n", "B", LONGEST_MS),
        (f"{RELAY}; charset=utf-8", "Signal=0\r\n", "0", USUAL_MS),
        (PLAIN, "7", "7", USUAL_MS),
        (PLAIN, " 10\r\n", "*", USUAL_MS),
        (PLAIN, "Signal=3\r\nDuration=80", "3", 80),
        ("Application/DTMF", "D", "D", USUAL_MS),
    ],
)
def test_a_digit(kind: str, body: str, digit: str, duration_ms: int) -> None:
    assert InfoDigits().read(message(kind, body), 0.0) == Info(OK, digit, duration_ms)


@pytest.mark.parametrize(
    ("kind", "body", "status"),
    [
        ("", "", OK),  # a peer that asks whether the call is up
        (RELAY, "Signal=16\nDuration=100", OK),  # a hook flash
        (RELAY, "Signal=\n", BAD_REQUEST),
        (RELAY, "Signal=55555\n", BAD_REQUEST),
        (RELAY, "", BAD_REQUEST),
        (PLAIN, "hello", BAD_REQUEST),
        (RELAY, "5", BAD_REQUEST),
        ("application/sdp", "v=0", UNSUPPORTED_TYPE),
        ("", "5", UNSUPPORTED_TYPE),
    ],
)
def test_no_digit(kind: str, body: str, status: int) -> None:
    assert parse(kind, body) == Info(status)


def test_a_flood_is_cut_off_and_does_not_last() -> None:
    digits = InfoDigits()
    flood = [digits.read(message(PLAIN, "1"), 5.0 + n / 1000) for n in range(200)]
    assert sum(bool(info.digit) for info in flood) == MAX_PER_S
    assert {info.status for info in flood} == {OK, BUSY}
    assert digits.read(message(PLAIN, "1"), 6.5).digit == "1"


@given(kind=st.sampled_from([RELAY, PLAIN, ""]) | st.text(max_size=40), body=st.text(max_size=600))
def test_whatever_comes_is_answered(kind: str, body: str) -> None:
    info = parse(kind, body)
    assert info.status in (OK, BAD_REQUEST, UNSUPPORTED_TYPE)
    assert len(info.digit) <= 1


@given(body=st.from_regex(r"(?i)[ \t]{0,9}signal[ \t]{0,9}=[ \t]{0,9}.{0,3}\n.{0,30}"))
def test_whatever_comes_as_a_signal_is_answered(body: str) -> None:
    info = InfoDigits().read(message(RELAY, body), 0.0)
    assert info.digit in tuple("0123456789*#ABCD") or not info.digit
