"""SECURITY.md: behind each promise stands a test, and it exists."""

import re
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent
PAGE = (ROOT / "SECURITY.md").read_text()
TESTS = {
    name
    for path in (ROOT / "tests").rglob("test_*.py")
    for name in re.findall(r"^ *(?:async )?def (test_\w+)\(", path.read_text(), re.MULTILINE)
}


def promises() -> dict[str, list[str]]:
    """What is promised -> the tests that show it."""
    section = PAGE.partition("## Who attacks")[2].partition("## What is not promised")[0]
    rows = re.findall(r"^\| (?!promise|---)(.+?) \| (.+) \|$", section, re.MULTILINE)
    return {promise: re.findall(r"`(test_\w+)`", shown) for promise, shown in rows}


def test_each_promise_has_a_test_that_exists() -> None:
    found = promises()
    assert len(found) > 25
    assert {promise for promise, shown in found.items() if not shown} == set()
    assert {name for shown in found.values() for name in shown} - TESTS == set()


def test_each_table_of_promises_was_read() -> None:
    assert len(promises()) == len(re.findall(r"^\| [^|]+\. \| `test_", PAGE, re.MULTILINE))
