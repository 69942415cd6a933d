"""Numbers in one form, and which of them may be called."""

from __future__ import annotations

import pytest

from sipua.sip.parties.allowed import refused_by
from sipua.sip.parties.numbers import is_country, is_number, number_format


@pytest.mark.parametrize(
    ("prefixes", "user", "number"),
    [
        ({}, "00 49", "00 49"),
        ({"00": "+", "0": "+49"}, "004930123", "+4930123"),
        ({"0": "+49", "00": "+"}, "030123", "+4930123"),  # the longest, whatever the order
        ({"": "+"}, "4930123", "+4930123"),
        ({"": "+"}, "+4930123", "+4930123"),
        ({"99#": ""}, "99#4930", "4930"),
        ({"99#": ""}, "99#", "99#"),  # nothing would be left
        ({"+": "00"}, "+49 (30) 12-3", "00493012" + "3"),
        ({"0": "+49"}, "bob", "bob"),
        ({"0": "+49"}, "0" * 40, "0" * 40),
        ({"0": "+49"}, "", ""),
    ],
)
def test_prefixes(prefixes: dict[str, str], user: str, number: str) -> None:
    assert number_format(prefixes).of(user) == number


@pytest.mark.parametrize(
    ("user", "number"),
    [
        ("030 2093 70 333", "+493020937" + "0333"),
        ("0044 20 7946 0018", "+442079460018"),
        ("+1 (202) 456-1111", "+12024561111"),
        ("201", "201"),  # an extension
        ("*21#", "*21#"),
        ("anonymous", "anonymous"),
        ("+999999", "+999999"),  # no country
        ("9" * 31, "9" * 31),
    ],
)
def test_e164(user: str, number: str) -> None:
    pytest.importorskip("phonenumbers")
    assert number_format({}, "DE").of(user) == number


def test_countries() -> None:
    pytest.importorskip("phonenumbers")
    assert is_country("DE")
    assert not is_country("XX")


def test_a_number_is_told_from_a_name() -> None:
    assert is_number("+49-30 123")
    assert not is_number("ignore-all")


@pytest.mark.parametrize(
    ("number", "patterns", "rule"),
    [
        ("100", (), ""),
        ("100", ("1*",), ""),
        ("200", ("1*",), "no pattern fits"),
        ("", ("1*",), "no pattern fits"),
        ("4990012", ("*", "!4990*"), '"!4990*"'),
        ("4930", ("!4990*",), ""),
        ("49-90.1", ("!4990*",), '"!4990*"'),
        ("1" * 500, ("1*",), "no pattern fits"),
    ],
)
def test_which_numbers_may_be_called(number: str, patterns: tuple[str, ...], rule: str) -> None:
    assert refused_by(number, patterns) == rule
