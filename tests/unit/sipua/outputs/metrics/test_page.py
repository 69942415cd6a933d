"""docs/metrics.md has each series as it is, and no other."""

import re
from pathlib import Path

from sipua.config import Config
from sipua.outputs.metrics.names import names
from sipua.outputs.metrics.series import Series

PAGE = Path(__file__).parents[5] / "docs" / "metrics.md"


def test_the_page_has_each_series_and_no_other() -> None:
    families = Series(names(Config())).families()
    ours = [
        (
            f"{one.name}_total" if one.kind == "counter" else one.name,
            one.kind,
            ", ".join(f"`{label}`" for label in one.labels) or "-",
            one.text,
        )
        for one in families
    ]
    row = re.compile(r"^\| `(sipua_\w+)` \| (\w+) \| (.+?) \| (.+) \|$", re.MULTILINE)
    assert row.findall(PAGE.read_text()) == ours
