"""case_tests.py [--write]  Which tests there are for each case of docs/cases.md.

A test is named after its case: `test_S18_…` is one of S18. Prints the cases without a test, and
exits with 1 if there are any; with --write it puts the files of tests into the page's last column.
"""

import re
import sys
from collections import defaultdict
from pathlib import Path

CLONE = Path(__file__).parent.parent
PAGE = CLONE / "docs" / "cases.md"
_ROW = re.compile(r"^\| ([A-Z]\d+) \| (.*) \| (.*) \| (.*) \|$", re.MULTILINE)
_TEST = re.compile(r"^ *(?:async )?def test_([A-Z]\d+)_", re.MULTILINE)


def rows(page: str) -> dict[str, list[str]]:
    """The files that the page names, by case."""
    return {row[1]: re.findall(r"`([^`]+)`", row[4]) for row in _ROW.finditer(page)}


def files(tests: Path = CLONE / "tests") -> dict[str, list[str]]:
    """The files that have tests of a case, by case."""
    found: dict[str, set[str]] = defaultdict(set)
    for file in sorted(tests.rglob("test_*.py")):
        for case in _TEST.findall(file.read_text()):
            found[case].add(str(file.relative_to(tests.parent)))
    return {case: sorted(names) for case, names in found.items()}


def written(page: str, found: dict[str, list[str]]) -> str:
    def row(match: re.Match[str]) -> str:
        names = " ".join(f"`{name}`" for name in found.get(match[1], ()))
        return f"| {match[1]} | {match[2]} | {match[3]} | {names} |"

    return _ROW.sub(row, page)


def main(arguments: list[str]) -> int:
    page, found = PAGE.read_text(), files()
    if "--write" in arguments:
        PAGE.write_text(written(page, found))
    without = [case for case in rows(page) if case not in found]
    print("\n".join(f"{case}: no test is named after it" for case in without) or "all have tests")
    return bool(without)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
