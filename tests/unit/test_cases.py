"""Each case of docs/cases.md has a test that is named after it, where the page says."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[2]


@pytest.fixture
def case_tests(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    monkeypatch.syspath_prepend(str(ROOT / "scripts"))
    yield importlib.import_module("case_tests")
    del sys.modules["case_tests"]


def test_each_case_has_a_test(case_tests: Any) -> None:
    cases, found = case_tests.rows(case_tests.PAGE.read_text()), case_tests.files()
    assert len(cases) > 70
    assert [case for case in cases if case not in found] == []


def test_the_page_names_files_that_have_tests_of_the_case(case_tests: Any) -> None:
    found = case_tests.files()
    for case, files in case_tests.rows(case_tests.PAGE.read_text()).items():
        assert files, f"{case}: python3 scripts/case_tests.py --write"
        gone = set(files) - set(found.get(case, ()))
        assert not gone, f"{case}: {gone}: python3 scripts/case_tests.py --write"


def test_a_case_without_a_test_is_found(case_tests: Any, tmp_path: Path) -> None:
    page = "| S1 | a | b | `tests/gone.py` |\n| S2 | c | d |  |\n"
    (tmp_path / "tests").mkdir()
    (tmp_path / "tests" / "test_one.py").write_text("async def test_S1_it(): ...\n")
    found = case_tests.files(tmp_path / "tests")
    assert found == {"S1": ["tests/test_one.py"]}
    assert case_tests.rows(page) == {"S1": ["tests/gone.py"], "S2": []}
    assert case_tests.written(page, found) == (
        "| S1 | a | b | `tests/test_one.py` |\n| S2 | c | d |  |\n"
    )
