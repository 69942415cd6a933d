"""Which header fields may be read and set, and what an identity of ours looks like."""

from __future__ import annotations

import pytest

from sipua.sip.parties import headers
from sipua.sip.parties.identity import identity
from sipua.sip.wire.texts import Message


@pytest.mark.parametrize(
    ("name", "value", "fine"),
    [
        ("X-Account", "17", True),
        ("Subject", "é", True),
        ("Route", "<sip:127.0.0.9>", False),
        ("P-Asserted-Identity", "<sip:1@x>", False),
        ("From", "<sip:1@x>", False),
        ("X-A\r\nRoute", "1", False),
        ("X-A", "1\r\nRoute: x", False),
        ("X-A", "", False),
        ("X-A", "\udcff", False),
        ("X-A", "a" * 257, False),
    ],
)
def test_what_may_be_set(name: str, value: str, fine: bool) -> None:
    assert (headers.fault(name, value) == "") is fine


def test_secrets_are_never_read() -> None:
    assert headers.name_fault("Authorization")
    assert headers.name_fault("X A")
    assert not headers.name_fault("User-to-User")


def test_a_header_that_is_there_twice_is_not_believed() -> None:
    raw = "INVITE sip:a@b SIP/2.0\r\nX-A: 1\r\nx-b: 2\r\nX-B: 3\r\nX-C: \r\n\r\nX-D: body"
    assert headers.chosen(Message(raw), ["X-A", "X-B", "X-C", "X-D"]) == {"X-A": "1"}


def test_later_ones_win_whatever_their_case() -> None:
    assert headers.merged({"X-A": "1", "X-B": "2"}, {"x-a": "3"}) == {"x-a": "3", "X-B": "2"}


def test_identity() -> None:
    shown = identity("+4930", 'A "B"', "carrier", asserted=True)
    party = '"A \\"B\\"" <sip:+4930@carrier>'
    assert (shown.from_header, shown.headers) == (party, {"P-Asserted-Identity": party})
    hidden = identity("+4930", "", "carrier", asserted=True, hidden=True)
    assert "anonymous.invalid" in hidden.from_header
    assert hidden.headers == {"P-Asserted-Identity": "<sip:+4930@carrier>", "Privacy": "id"}
