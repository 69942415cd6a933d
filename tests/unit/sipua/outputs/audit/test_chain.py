"""The chain: whatever is done to a line is found, and where."""

from __future__ import annotations

import json

import pytest

from sipua.outputs.audit.chain import (
    BEGIN,
    LONGEST,
    Finding,
    Head,
    Verified,
    head_of,
    linked,
    verify,
)


def chain(count: int, head: Head | None = None) -> list[bytes]:
    lines, head = [], head or Head()
    for number in range(count):
        line, head = linked(head, {"type": "api.request", "data": {"number": number}})
        lines.append(line)
    return lines


def found(lines: list[bytes]) -> tuple[list[Finding], Verified]:
    seen = Verified()
    numbered = [("f", number, line) for number, line in enumerate(lines, 1)]
    return list(verify(numbered, seen)), seen


def wrong(lines: list[bytes]) -> list[tuple[str, int]]:
    return [(one.wrong, one.line) for one in found(lines)[0]]


def test_a_line_has_the_hash_of_the_one_before() -> None:
    first, second = (json.loads(line) for line in chain(2))
    assert (first["n"], first["previous"]) == (1, BEGIN)
    assert second["previous"] == head_of(chain(1)).hash


def test_a_chain_that_is_whole() -> None:
    findings, seen = found(chain(20))
    assert findings == []
    assert (seen.lines, seen.first, seen.head) == (20, 1, head_of(chain(20)))


@pytest.mark.parametrize("at", range(9))
def test_a_changed_line_is_named(at: int) -> None:
    lines = chain(10)
    lines[at] = lines[at].replace(b"api.request", b"api.requesT")
    assert wrong(lines) == [("changed", at + 1)]


@pytest.mark.parametrize("at", range(1, 9))
def test_a_removed_line_is_named(at: int) -> None:
    lines = chain(10)
    del lines[at]
    findings, _ = found(lines)
    assert [(one.wrong, one.line) for one in findings] == [("missing", at + 1)]
    assert findings[0].words == f"follows a line that is not there: {at + 1} removed"
    lines = chain(10)
    del lines[2:5]
    assert "3 to 5 removed" in found(lines)[0][0].words


def test_the_last_line_alone_is_not_covered_but_its_hash_is_known_elsewhere() -> None:
    lines = chain(10)
    findings, seen = found(lines[:9])
    assert findings == []
    assert seen.head != head_of(lines)


def test_moved_and_inserted_lines_are_found() -> None:
    lines = chain(10)
    lines[3], lines[4] = lines[4], lines[3]
    assert wrong(lines)
    lines = chain(10)
    lines.insert(5, chain(1, Head(5, "0" * 64))[0])
    assert wrong(lines)
    lines = chain(10)
    lines.insert(5, lines[4])
    assert wrong(lines)


def test_a_chain_that_was_made_anew_from_a_line_on_does_not_fit() -> None:
    lines = chain(10)
    assert wrong([*lines[:4], *chain(6, Head(4, "f" * 64))])


def test_without_its_oldest_files_it_begins_later() -> None:
    findings, seen = found(chain(10)[4:])
    assert (findings, seen.first, seen.head.n) == ([], 5, 10)


def test_a_line_that_a_crash_cut_off_is_told_and_is_no_fault() -> None:
    lines = chain(3)
    torn = chain(4)[3][:40]
    rest = chain(3, head_of([torn], head_of(lines)))
    findings, seen = found([*lines, torn, *rest])
    assert [(one.wrong, one.line, one.fault) for one in findings] == [("cut_off", 4, False)]
    assert seen.head.n == 7
    findings, _ = found([*lines, torn])
    assert [(one.wrong, one.fault) for one in findings] == [("cut_off", False)]


def test_garbage_in_the_place_of_a_line_is_a_fault() -> None:
    lines = chain(5)
    lines[2] = b"garbage"
    assert [one.fault for one in found(lines)[0]] == [True]
    assert [one.fault for one in found([*chain(2), b"x", b"y"])[0]][:1] == [True]


@pytest.mark.parametrize(
    "line", [b"", b"[]", b"1", b"{}", b'{"n": "1"}', b"\xff", b"[" * 60_000, b'"' * LONGEST * 2]
)
def test_what_is_no_line_is_survived(line: bytes) -> None:
    findings, _ = found([*chain(2), line, *chain(2)])
    assert any(one.fault for one in findings)


def test_a_line_that_is_too_long_loses_its_data() -> None:
    line, head = linked(Head(), {"type": "t", "data": "x" * 2 * LONGEST})
    assert len(line) < 300
    assert head.n == 1
    assert json.loads(line)["too_long"] > LONGEST
    assert json.loads(line)["data"] is None
