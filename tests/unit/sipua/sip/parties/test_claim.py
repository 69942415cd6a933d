"""What an INVITE claims of its caller's number, and what its trunk has found out about it."""

from __future__ import annotations

from typing import Any

import pytest

from sipua.sip.parties.claim import LONGEST, StirPolicy
from sipua.sip.parties.numbers import NumberFormat
from sipua.sip.parties.policy import STRANGER, PeerPolicy
from sipua.sip.wire.texts import Message
from sipua.sip.wire.verdict import FAILED, NOT_ASKED, PASSED, Claim, Verdict

FROM = '"Ann" <sip:+12155550100@carrier.example;user=phone>;tag=1'
TO = "sip:+12155550199@edge"
PAI = "P-Asserted-Identity: <sip:12155550111@x>"


def claim(*lines: str, sender: str = FROM, to: str = TO, **policy: Any) -> Claim | None:
    text = [f"INVITE {to} SIP/2.0", f"From: {sender}", "To: <sip:100@edge>", *lines, "", ""]
    message = Message("\r\n".join(text))
    keys: dict[str, Any] = {"trusted": True, "form": NumberFormat((("00", "+"),))}
    one = PeerPolicy(**(keys | policy))
    return one.claim(message, one.read(message))


VERIFY = StirPolicy("verify")
TRUST = StirPolicy(trusts_verstat=True)


def test_nothing_is_asked() -> None:
    assert STRANGER.claim(Message("INVITE"), STRANGER.read(Message("INVITE"))) is None
    assert claim("Identity: x", stir=StirPolicy()) is None
    assert claim(stir=TRUST) is None


@pytest.mark.parametrize("name", ["Identity", "identity", "y", "Y"])
def test_the_headers_and_whom_they_are_about(name: str) -> None:
    found = claim(f"{name}: a.b.c;info=<https://x>", f"{name}: d, e", "Date: today", stir=VERIFY)
    assert found is not None
    assert found.identities == ("a.b.c;info=<https://x>", "d", "e")
    assert found.origs == ("12155550100",)
    assert found.dests == ("12155550199", "100")
    assert (found.date, found.fault) == ("today", "")


def test_the_number_that_is_shown_is_the_one_to_prove() -> None:
    asserted = claim(PAI, stir=VERIFY)
    assert asserted is not None
    assert asserted.origs == ("12155550111",)
    untrusted = claim(PAI, stir=VERIFY, trusted=False)
    assert untrusted is not None
    assert untrusted.origs == ("12155550100",)
    hidden = claim(PAI, "Privacy: id", stir=VERIFY, sender="<sip:anonymous@anonymous.invalid>")
    assert hidden is not None
    assert hidden.origs[0] == "12155550111"
    prefixed = claim(stir=VERIFY, sender="<sip:0012155550100@x>")
    assert prefixed is not None
    assert prefixed.origs == ("12155550100",)
    named = claim(stir=VERIFY, sender="<sip:Bob@X.example>")
    assert named is not None
    assert named.origs == ("sip:bob@x.example",)


def test_S21_huge_headers_and_too_many() -> None:
    long = claim(f"Identity: {'a' * (LONGEST + 1)}", stir=VERIFY)
    assert long is not None
    assert (long.identities, "more than 8192" in long.fault) == ((), True)
    many = claim(*["Identity: a"] * 5, stir=VERIFY)
    assert many is not None
    assert "more than 4" in many.fault
    listed = claim("Identity: " + ", ".join("abcdefgh"), stir=VERIFY)
    assert listed is not None
    assert len(listed.identities) <= 4


@pytest.mark.parametrize(
    ("lines", "sender", "told"),
    [
        (
            ["P-Asserted-Identity: <sip:+1;verstat=TN-Validation-Passed@x;user=phone>"],
            FROM,
            Verdict(PASSED, by="trunk"),
        ),
        (
            ["P-Asserted-Identity: <tel:+1;verstat=TN-Validation-Failed>"],
            FROM,
            Verdict(FAILED, by="trunk"),
        ),
        (
            ["Attestation-Info: B", "Origination-Id: 123e-4"],
            "<sip:+1@x;verstat=tn-validation-passed>",
            Verdict(PASSED, "B", "123e-4", by="trunk"),
        ),
        (
            ["P-Attestation-Indicator: a"],
            "<sip:+1;verstat=TN-Validation-Passed-C@x>",
            Verdict(PASSED, "C", by="trunk"),
        ),
        ([], "<sip:+1@x>;verstat=TN-Validation-Passed", Verdict(PASSED, by="trunk")),
        (["Attestation-Info: D"], "<sip:+1;verstat=Maybe@x>", NOT_ASKED),
        ([], '";verstat=TN-Validation-Passed" <sip:+1@x>', NOT_ASKED),
        ([], '"<sip:1;verstat=TN-Validation-Passed@x>" <sip:+1@x>', NOT_ASKED),
        ([], ";verstat=TN-Validation-Passed <sip:+1@x>", NOT_ASKED),
        ([], "<sip:+1@x?h=;verstat=TN-Validation-Passed>", NOT_ASKED),
        ([], "<sip:+1%3bverstat=TN-Validation-Passed@x>", NOT_ASKED),
    ],
)
def test_what_the_trunk_has_found(lines: list[str], sender: str, told: Verdict) -> None:
    found = claim(*lines, sender=sender, stir=TRUST)
    assert (found.told if found else NOT_ASKED) == told
    assert claim(*lines, sender=sender, stir=VERIFY) is not None


BANK = "<sip:+12155550100@carrier.example>"
PASSED_AS = "<sip:+12155550111;verstat=TN-Validation-Passed@x>"


@pytest.mark.parametrize(
    ("lines", "sender", "trusted"),
    [
        ([f"P-Asserted-Identity: {PASSED_AS}"], BANK, False),
        (["P-Asserted-Identity: <sip:+12155550100@x>"], PASSED_AS, True),
        ([f"P-Asserted-Identity: <sip:+12155550100@x>, {PASSED_AS}"], BANK, True),
        ([f"P-Asserted-Identity: {PASSED_AS}", "Remote-Party-ID: <sip:+1@x>"], "<sip:x>", False),
        (["Privacy: id"], PASSED_AS, True),
    ],
)
def test_a_verdict_about_another_number_than_the_one_shown(
    lines: list[str], sender: str, trusted: bool
) -> None:
    assert claim(*lines, sender=sender, trusted=trusted, stir=TRUST) is None


def test_a_verdict_about_the_number_shown() -> None:
    passed = Verdict(PASSED, by="trunk")
    same = "P-Asserted-Identity: <sip:+12155550111@x>, <tel:0012155550111;verstat=" + PASSED + ">"
    for lines in ([same], ["Privacy: id", f"P-Asserted-Identity: {PASSED_AS}"]):
        found = claim(*lines, stir=TRUST)
        assert found is not None
        assert found.told == passed
