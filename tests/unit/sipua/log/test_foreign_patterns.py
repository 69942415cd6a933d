"""Expressions that see texts of peers: twice the text takes twice the time, whatever it says."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest

from sipua.capture.mask import mask_message
from sipua.log.secret_masking import mask_text, mask_value
from sipua.record.transcript_redaction import Redactor, number
from sipua.sip.wire.texts import Message, body, line

# 7 s of the processor: expressions change seldom, and no branch is seen here alone.
pytestmark = pytest.mark.slow

# Each makes some alternative begin at every member, and fail or end as late as it can.
ROWS = [
    *("sip:", "sip:a:", "sips:a", "sip::", "wss://u:", "https://", "sip:a:b@", "@", '"', "%", "<"),
    *("authorization", "authorization ", "authorization:", "authorization: digest ", "\r\n "),
    *("authorization'", "authorization' ", "authorization':'", "api-key=", "x-api-key ", "\n"),
    *("bearer ", "bearer\t\t", "response ", "response=", 'response="', "response=\\", "rspauth= "),
    *("sk-", "sk-a", "?key=", "&token=a", "inline:", "a=ice-pwd:", "\na=ice-pwd:", "\nFrom:"),
    *("\nFrom ", "\r\n\t", "1 ", "1", "one ", "a@", "a at ", "a.", "+", " ", "\x00", "\udcff", "é"),
]


def call_id(text: str) -> str | None:
    return Message(text).header("Call-ID")


SEEING: dict[str, Callable[[str], object]] = {
    "log": mask_text,
    "log_value": lambda text: mask_value("from", text),
    "capture": mask_message,
    "header": call_id,
    "value": line,
    "body": body,
    "caller": lambda text: number(text, "last4"),
    "transcript": Redactor("redacted").text,
}
SHORT, LONG = 8_192, 32_768
# What stands around the row decides whether an alternative that began in it succeeds.
AROUND = [("", ""), ("sip:@", "x"), ("", "@"), ("a: ", ";\r\n\r\n")]


@pytest.mark.parametrize("see", SEEING.values(), ids=SEEING)
@pytest.mark.parametrize("row", ROWS, ids=repr)
def test_S21_time_grows_no_faster_than_the_text(see: Callable[[str], object], row: str) -> None:
    for head, tail in AROUND:
        short, long = (head + (row * size)[:size] + tail for size in (SHORT, LONG))
        # Four times the text: 16 times the time, and seconds, if the square of it counted. The
        # constant is for rows of which the short one is masked whole and the long one is not. A
        # machine that stood still for a moment is asked again.
        assert any(_processor_s(see, long) < 10 * _processor_s(see, short) + 0.05 for _ in range(3))


def _processor_s(see: Callable[[str], object], text: str) -> float:
    began = time.thread_time()
    see(text)
    return time.thread_time() - began
