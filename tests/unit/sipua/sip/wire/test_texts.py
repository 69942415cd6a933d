"""What a peer wrote becomes a text that can be written anywhere."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sipua.sip.wire.texts import LONGEST, Message, body, header, line


def test_header_is_found_whatever_its_case_and_fold() -> None:
    message = "INVITE sip:a SIP/2.0\r\nCALL-id: abc\r\nSubject: one\r\n two\r\n\r\nCall-ID: body"
    assert header(message, "Call-ID") == "abc"
    assert header(message, "subject") == "one two"
    assert header(message, "To") is None


def test_header_is_found_by_its_compact_name() -> None:
    message = "BYE sip:a SIP/2.0\r\ni: abc\r\nF: <sip:b@c>\r\nt: <sip:a@c>\r\n\r\n"
    found = [header(message, name) for name in ("Call-ID", "From", "To", "Via")]
    assert found == ["abc", "<sip:b@c>", "<sip:a@c>", None]


@given(st.text(max_size=400))
def test_header_survives_anything(message: str) -> None:
    header(message, "Call-ID")


def invite(**headers: str) -> str:
    lines = [f"{name}: {value}" for name, value in headers.items()]
    return "\r\n".join(["INVITE sip:a@b SIP/2.0", *lines, "", "v=0"])


# As pjsua2 hands it over: bytes that are no UTF-8 are lone surrogates.
raw = st.binary(max_size=1500).map(lambda data: data.decode("utf-8", "surrogateescape"))


@given(raw)
def test_S21_any_value_can_be_written_anywhere(value: str) -> None:
    for text in (line(value), Message(invite(From=value)).header("From") or ""):
        text.encode("utf-8")
        assert len(text) <= LONGEST
        assert "\x00" not in text
        assert text.splitlines() in ([text], [])


@given(raw)
def test_S21_any_body_can_be_written_anywhere(value: str) -> None:
    text = body(value)
    text.encode("utf-8")
    assert not {"\x00", "\x1b", "\x7f", "\u202e"} & set(text)


def test_an_honest_value_stays_as_it_is() -> None:
    value = '"Müller, Zoë 東京" <sip:+4930123456@10.0.0.1:5060;user=phone>;tag=as58f4201b'
    message = Message(invite(From=value))
    assert message.header("From") == value
    assert message.altered == ()


def test_S21_what_was_cut_or_cleaned_is_said() -> None:
    message = Message(
        invite(From="sip:" * 15_000, To="<sip:a\udcff@b>", Subject="fine") + "\r\nContact: x"
    )
    assert message.header("From") == ("sip:" * 15_000)[:LONGEST]
    assert message.header("To") == "<sip:a\ufffd@b>"
    assert message.header("Subject") == "fine"
    assert message.header("Contact") is None  # that is the body
    assert message.altered == (
        "From: cut from 60001 characters",
        "To: has bytes that are no text",
    )


@pytest.mark.parametrize(
    ("first", "uri"),
    [
        ("INVITE sip:a@b SIP/2.0", "sip:a@b"),
        ("INVITE  sip:a@b  SIP/2.0", "sip:a@b"),
        ("INVITE", ""),
        ("", ""),
        ("INVITE " + "sip:" * 1000 + " SIP/2.0", ("sip:" * 1000)[:LONGEST]),
        ("INVITE sip:\udce9@b SIP/2.0", "sip:\ufffd@b"),
    ],
)
def test_request_uri(first: str, uri: str) -> None:
    assert Message(first + "\r\nTo: x\r\n\r\n").request_uri == uri


@given(raw)
def test_S21_no_message_fails(text: str) -> None:
    message = Message(text)
    assert message.request_uri is not None
    for name in ("Call-ID", "From", "To", "Retry-After"):
        message.header(name)
