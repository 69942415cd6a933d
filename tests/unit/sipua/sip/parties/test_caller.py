"""Which header names the caller, and when nobody may know it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sipua.sip.parties.caller import MOST_DIVERSIONS, TRUSTED_ORDER, read
from sipua.sip.parties.numbers import NumberFormat
from sipua.sip.parties.placeholders import LONGEST_VALUE, Values, data, fill_marked
from sipua.sip.parties.policy import PeerPolicy
from sipua.sip.wire.caller_id import ANONYMOUS, Caller
from sipua.sip.wire.texts import Message

BOB = '"Bob" <sip:bob@carrier.example>;tag=1'
PAI = "P-Asserted-Identity: <sip:+4930123@carrier.example;user=phone>"
RPID = 'Remote-Party-ID: "Desk" <sip:+49307@pbx>;party=calling;privacy=off;screen=yes'


def invite(*lines: str, sender: str = BOB, to: str = "sip:100@edge") -> Message:
    return Message("\r\n".join([f"INVITE {to} SIP/2.0", f"From: {sender}", *lines, "", "v=0"]))


def caller(*lines: str, sender: str = BOB, trusted: bool = True) -> Caller:
    return read(invite(*lines, sender=sender), order=TRUSTED_ORDER, trusted=trusted)


@pytest.mark.parametrize(
    ("lines", "trusted", "number", "header"),
    [
        ([PAI, RPID], True, "+4930123", "P-Asserted-Identity"),
        ([RPID], True, "+49307", "Remote-Party-ID"),
        ([], True, "bob", "From"),
        ([PAI, RPID], False, "bob", "From"),  # every phone can write them
        (["P-Asserted-Identity: <sip:bob2@x>, <tel:+49-30-(12)4>"], True, "+4930124", PAI[:19]),
        (["P-Asserted-Identity: <sip:bob2@x>", "P-Asserted-Identity: <tel:+7>"], True, "+7", None),
        (["Remote-Party-ID: <sip:300@x>;party=called"], True, "bob", "From"),
        (["P-Asserted-Identity: <sip:carrier.example>"], True, "bob", "From"),
        (['P-Asserted-Identity: "never closed <sip:1@x>'], True, "bob", "From"),
        (["P-Asserted-Identity: <sip:+4930123"], True, "bob", "From"),
        (["P-Asserted-Identity: https://1@x"], True, "bob", "From"),
        ([f"P-Asserted-Identity: {'x' * 700} <sip:1@x>", PAI], True, "bob", "From"),  # cut
    ],
)
def test_the_first_header_that_is_believed(
    lines: list[str], trusted: bool, number: str, header: str | None
) -> None:
    found = caller(*lines, trusted=trusted)
    assert found.number == number
    assert header in (None, found.header)


def test_the_order_is_the_trunks() -> None:
    message = invite(PAI, RPID)
    found = read(message, order=("Remote-Party-ID", "P-Asserted-Identity"), trusted=True)
    assert (found.number, found.name) == ("+49307", "Desk")


@pytest.mark.parametrize(
    ("lines", "sender"),
    [
        (["Privacy: id"], BOB),
        (["Privacy: none; ID ;critical"], BOB),
        (["Privacy: session", "Privacy: user"], BOB),
        ([], ANONYMOUS),
        ([], "<sip:+4930123@anonymous.invalid>"),
        ([], '"Anonymous" <sip:Anonymous@carrier.example>'),
        (["Remote-Party-ID: <sip:+49307@pbx>;privacy=full"], BOB),
    ],
)
def test_a_caller_who_wants_not_to_be_known_is_not(lines: list[str], sender: str) -> None:
    found = caller(*lines, *([] if lines and "Remote" in lines[0] else [PAI]), sender=sender)
    assert found.anonymous
    assert (found.number, found.name, found.received, found.host) == ("", "", "", "")
    assert found.uri == ANONYMOUS


def test_privacy_is_granted_to_those_too_who_are_not_trusted() -> None:
    assert caller("Privacy: id", trusted=False).anonymous
    assert not caller("Privacy: none", trusted=False).anonymous


def test_a_name_alone_may_be_withheld() -> None:
    found = caller('Remote-Party-ID: "Desk" <sip:+49307@pbx>;privacy=name')
    assert (found.number, found.name, found.anonymous) == ("+49307", "", False)


def test_number_in_the_trunks_form_and_as_it_came() -> None:
    form = NumberFormat((("00", "+"),))
    found = read(invite(sender="<sip:004930123@x>"), order=(), trusted=False, form=form)
    assert (found.number, found.received, found.uri) == ("+4930123", "004930123", "sip:+4930123@x")


def test_who_was_called_before() -> None:
    assert caller(
        "Diversion: <sip:100@pbx>;reason=no-answer, <sip:200@pbx>",
        "Diversion: <sip:300@pbx>;privacy=full, <sip:100@pbx>",
    ).diverted == ("100", "200")
    history = "History-Info: <sip:100@x>;index=1, <sip:200@x?Privacy=history>;index=1.1"
    assert caller(history, "History-Info: <sip:300@x>;index=1.2, <sip:4@x>;index=2").diverted == (
        "300",
        "100",
    )
    assert caller(history, "Privacy: history").diverted == ()
    assert caller("Diversion: <sip:100@pbx>", trusted=False).diverted == ()
    many = ", ".join(f"<sip:{number}@x>" for number in range(60))
    assert len(caller(f"Diversion: {many}").diverted) == MOST_DIVERSIONS


HEADERS = ("From", "P-Asserted-Identity", "Remote-Party-ID", "Privacy", "Diversion", "History-Info")
BROKEN = st.text('"<>,;:@\\?=%&sip tel+490*#\t\r\n\x00é\udcff', max_size=300)
WHOLE = st.binary(max_size=600).map(lambda raw: raw.decode("utf-8", "surrogateescape"))


@given(
    st.lists(st.tuples(st.sampled_from(HEADERS), BROKEN | WHOLE), max_size=12),
    st.booleans(),
    st.sampled_from([NumberFormat(), NumberFormat((("00", "+"), ("", "+")))]),
)
def test_S21_no_header_is_too_strange(
    lines: list[tuple[str, str]], trusted: bool, form: NumberFormat
) -> None:
    raw = "\r\n".join(["INVITE sip:%31@b SIP/2.0", *(f"{a}: {b}" for a, b in lines), "", ""])
    policy = PeerPolicy(trusted=trusted, form=form, headers_in=("X-A",), allowed_numbers=("1",))
    found = policy.read(Message(raw))
    one = found.caller
    for text in (one.number, one.received, one.name, one.host, *one.diverted, found.called):
        text.encode()
        assert len(text) <= 512
        assert text.splitlines() in ([text], [])
    policy.refused_by(Message(raw))
    said = fill_marked("{{caller}} {{caller_name}} {{diverted}}.", Values(one))
    assert said.count("\n") in (0, 2)


@pytest.mark.parametrize("header", HEADERS)
@pytest.mark.parametrize("row", ["sip:", "<", '"', "\\", ",", ";a=b", "%41", " \r\n\t", "@"])
def test_S21_64_kb_of_a_pattern(header: str, row: str) -> None:
    found = caller(f"{header}: {row * (64_000 // len(row))}")
    assert len(found.number) + len(found.name) + len(found.host) < 1000


@given(st.text(max_size=400))
def test_what_is_filled_in_cannot_leave_its_mark(text: str) -> None:
    marked = data(text)
    if marked.startswith("[data: "):
        inside = marked.removeprefix('[data: "').removesuffix('"]')
        assert not set(inside) & set('"[]{}<>`\n\r')
        assert len(inside) <= LONGEST_VALUE
