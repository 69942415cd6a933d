"""A complaint has a number as its caller writes it; a row has it as the configuration allows."""

import pytest

from sipua.outputs.cdr.reader.numbers import fits


@pytest.mark.parametrize(
    ("wanted", "kept"),
    [
        ("", ""),
        ("1234", "…1234"),
        ("…1234", "…1234"),
        ("34", "…1234"),
        ("+49 151 2345 1234", "…1234"),
        ("0151/2345-1234", "…1234"),
        ("0151 23451234", "sip:+4915123451234@carrier"),
        ("+49 (151) 23451234", '"A" <sip:+4915123451234@carrier;user=phone>'),
        ("015123451234", "tel:+49-151-2345-1234"),
        ("1234", "sip:+4915123451234@carrier"),
        ("alice", "sip:alice@pbx"),
        ("pbx", "sip:alice@pbx"),
        ("00 49 151 2345 1234", "sip:+4915123451234@carrier"),
    ],
)
def test_it_is_the_number(wanted: str, kept: str) -> None:
    assert fits(wanted, kept)


@pytest.mark.parametrize(
    ("wanted", "kept"),
    [
        ("1234", ""),
        ("1235", "…1234"),
        ("+49 151 2345 1235", "…1234"),
        ("12341", "…1234"),
        ("0151 23451235", "sip:+4915123451234@carrier"),
        ("4915", "sip:alice@pbx"),
        ("bob", "sip:alice@pbx"),
        ("00", "sip:alice@pbx"),
        ("-", "…gent"),
        ("+", "…gent"),
    ],
)
def test_it_is_another(wanted: str, kept: str) -> None:
    assert not fits(wanted, kept)
