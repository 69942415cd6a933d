"""What an attribute may be: something, of a bounded length, that every collector can read."""

from __future__ import annotations

from sipua.outputs.traces.span import LONGEST_PRIVATE, LONGEST_TEXT, attributes


def test_texts_are_bounded_and_valid() -> None:
    found = attributes({"a": "x" * 10_000, "sipua.private.a": "y" * 10_000, "b": "\ud800z"})
    assert found == {
        "a": "x" * LONGEST_TEXT,
        "sipua.private.a": "y" * LONGEST_PRIVATE,
        "b": "?z",
    }


def test_numbers_are_those_of_the_protocol() -> None:
    most = 2**63 - 1
    found = attributes({"a": most, "b": 10**400, "c": -(10**400), "d": True, "e": 1.5})
    assert found == {"a": most, "b": most, "c": -(2**63), "d": True, "e": 1.5}


def test_what_is_nothing_or_no_value_is_missing() -> None:
    assert attributes({"a": None, "b": "", "c": [1], "d": {"e": 1}}) == {}
