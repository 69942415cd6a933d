"""Tokens: who is let in, with which right, how often; whom a token may call."""

from __future__ import annotations

import pytest

from sipua.control.http.problems import Kind, ProblemError
from sipua.control.http.tokens import Right, Token, Tokens, digest
from sipua.sip.parties.whom import may_call

LOOK = Token("look", digest("a" * 24), Right.READONLY)
RULE = Token("rule", digest("b" * 24), Right.ADMIN)


def admitted(tokens: Tokens, header: str | None, now: float = 0.0, *names: str) -> Token | Kind:
    try:
        return tokens.admit(header, names, "192.0.2.1", now)
    except ProblemError as problem:
        return problem.kind


def test_a_token_is_known_by_all_of_its_text() -> None:
    tokens = Tokens((LOOK, RULE), requests_per_second=100)
    assert admitted(tokens, f"Bearer {'a' * 24}") is LOOK
    assert admitted(tokens, f"bearer  {'b' * 24} ") is RULE
    for header in (None, "", "Bearer", "Bearer ", f"Basic {'a' * 24}", "a" * 24):
        assert admitted(tokens, header) is Kind.NO_TOKEN
    for text in ("a" * 23, "a" * 25, "A" * 24, "ä", "\udcff", f"{'a' * 24} x"):
        assert admitted(tokens, f"Bearer {text}") is Kind.WRONG_TOKEN
    assert admitted(tokens, f"Bearer {'a' * 24}", 0.0, "Access_Token") is Kind.TOKEN_IN_URL
    assert tokens.refused[Kind.NO_TOKEN.type] == 6


def test_rights_are_steps() -> None:
    tokens = Tokens((LOOK, RULE), requests_per_second=100)
    tokens.demand(RULE, Right.OPERATOR)
    tokens.demand(LOOK, Right.READONLY)
    with pytest.raises(ProblemError) as refused:
        tokens.demand(LOOK, Right.OPERATOR)
    assert refused.value.kind is Kind.NO_RIGHT


def test_wrong_tokens_are_slowed_down_and_a_right_one_still_counts() -> None:
    tokens = Tokens((LOOK,), requests_per_second=100)
    kinds = [admitted(tokens, "Bearer x") for _ in range(12)]
    assert kinds == [Kind.WRONG_TOKEN] * 10 + [Kind.TOO_MANY] * 2
    assert admitted(tokens, f"Bearer {'a' * 24}") is LOOK
    assert admitted(tokens, "Bearer x", 61.0) is Kind.WRONG_TOKEN


def test_a_token_has_a_rate() -> None:
    tokens = Tokens((LOOK,), requests_per_second=2)
    header = f"Bearer {'a' * 24}"
    outcomes = [admitted(tokens, header) for _ in range(5)]
    assert outcomes == [LOOK] * 4 + [Kind.TOO_MANY]
    assert admitted(tokens, header, 0.5) is LOOK
    assert admitted(tokens, header, 0.5) is Kind.TOO_MANY


@pytest.mark.parametrize(
    ("to", "allowed"),
    [
        ("+4930123", True),
        ("tel:+4930123", True),
        ("+1900123", False),
        ("004930123", False),
        ("+49", True),
        ("", False),
        ("+49 30", False),
        ("+4930;phone-context=x", False),
        ("+4930@evil.example", False),
        ("sip:+4930@evil.example", False),
        ("sip:anyone@pbx.example", True),
        ("sip:pbx.example", True),
        ("sip:anyone@PBX.example:5070;transport=tcp", True),
        ("sip:anyone@pbx.example.evil.example", False),
        ("sip:a@evil.example@pbx.example", False),
        ("sip:anyone@pbx.example?Replaces=x", False),
        ("sip:anyone@pbx.example;maddr=192.0.2.9", False),
        ("sip:200@other.example", True),
        ("sip:201@other.example", False),
        ("sip:%32%30%30@other.example", False),
        ("sip:200@other.example\r\nX: y", False),
        ("sip:200@other.example\n", False),
        ("<sip:anyone@pbx.example>", False),
    ],
)
def test_whom_a_token_may_call(to: str, allowed: bool) -> None:
    assert may_call(to, ("+49", "sip:@pbx.example", "sip:200@other.example")) is allowed


def test_without_prefixes_no_one_is_called() -> None:
    assert not any(may_call(to, ()) for to in ("+49", "sip:a@b.example", ""))
