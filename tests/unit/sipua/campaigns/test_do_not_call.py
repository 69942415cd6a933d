"""The list of numbers that are not called: found however they are written, and never half read."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from sipua.campaigns.do_not_call import DoNotCallList
from sipua.campaigns.store.databases import StoreError


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "outbound" / "do_not_call.sqlite3"


def listed(file: Path, *numbers: str, country: str = "") -> DoNotCallList:
    found = DoNotCallList(file, country)
    found.add(numbers, by="me", reason="asked for it", now_s=1000.0)
    return found


def test_a_list_that_was_never_begun_is_empty(file: Path) -> None:
    numbers = DoNotCallList(file)
    assert numbers.find("+4930123456") is None
    assert (numbers.count(), list(numbers.entries())) == (0, [])
    assert not file.exists(), "looking makes nothing"


def test_a_number_is_found_however_it_is_written(file: Path) -> None:
    numbers = listed(file, "+49 30 123456")
    for written in ("+4930123456", "0049-30-123456", "+49 (30) 123.456", "+4930123456;x=1"):
        entry = numbers.find(written)
        assert entry is not None
        assert (entry.number, entry.by, entry.reason) == ("+4930123456", "me", "asked for it")
    for other in ("+4930123457", "+493012345", "bob", "", "+49301234560"):
        assert numbers.find(other) is None


def test_a_number_without_its_country_is_found_by_its_end(file: Path) -> None:
    """Rather too much: it may be the same number."""
    assert listed(file, "+4930123456").find("030123456") is not None
    assert listed(file, "040765432").find("+4940765432") is not None
    assert listed(file, "201").find("+4930123201") is None, "an extension is no end of a number"
    assert listed(file, "+49301234").find("1234") is None


def test_signs_in_a_number_are_no_wildcards(file: Path) -> None:
    numbers = listed(file, "+4930123456")
    assert numbers.find("*******") is None
    assert numbers.find("3012345*") is None


def test_with_a_country_numbers_are_compared_whole(file: Path) -> None:
    numbers = listed(file, "030 2093-0", country="DE")
    entry = numbers.find("+493020930")
    assert entry is not None
    assert entry.number == "+493020930"


def test_added_twice_and_removed(file: Path) -> None:
    numbers = listed(file, "+4930123456", "+4930123456", "bob")
    assert numbers.count() == 1
    assert numbers.add(["0049 30 123456"], by="x", reason="", now_s=2.0) == []
    removed = numbers.remove("+4930123456")
    assert removed is not None
    assert removed.at_s == 1000.0
    assert numbers.remove("+4930123456") is None
    assert numbers.find("+4930123456") is None


def test_pages_by_number(file: Path) -> None:
    numbers = listed(file, *(f"+4930{n:04}" for n in range(25)))
    first = numbers.entries(limit=10)
    rest = numbers.entries(after=first[-1].number, limit=100)
    assert [one.number for one in (*first, *rest)] == [f"+4930{n:04}" for n in range(25)]


def test_it_is_for_its_owner_alone(file: Path) -> None:
    listed(file, "+4930123456")
    assert file.stat().st_mode & 0o077 == 0


def test_a_list_that_cannot_be_read_is_an_error_and_no_answer(file: Path) -> None:
    numbers = listed(file, "+4930123456")
    file.write_bytes(b"this is no database, but somebody's shopping list" * 100)
    with pytest.raises(StoreError, match=r"do_not_call\.sqlite3"):
        numbers.find("+4930999999")


def test_one_of_a_newer_version_is_left_alone(file: Path) -> None:
    numbers = listed(file, "+4930123456")
    with closing(sqlite3.connect(file)) as database:
        database.execute("PRAGMA user_version = 99")
    with pytest.raises(StoreError, match="newer version"):
        numbers.find("+4930123456")
