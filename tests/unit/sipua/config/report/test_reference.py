from __future__ import annotations

import re
from pathlib import Path

from sipua.config.report.reference import markdown
from sipua.config.sections.schema import keys

PAGE = Path(__file__).parents[5] / "docs" / "configuration.md"


def test_the_page_is_what_the_schema_says() -> None:
    assert PAGE.read_text() == markdown(), "sipua config docs > docs/configuration.md"


def test_every_key_has_a_row_with_its_variable() -> None:
    rows = [line for line in markdown().splitlines() if line.startswith("| `")]
    for key in keys().values():
        if "NAME" in key.path:
            continue  # the keys of the section of which it is another
        (row,) = [row for row in rows if row.endswith(f"| `{key.variable}` |")]
        assert row.startswith(f"| `{key.name}` |")
        assert len(re.split(r"(?<!\\)\|", row)) == 8
