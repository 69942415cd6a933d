"""docs/metrics.md has each series, and no other."""

import re
from pathlib import Path

from sipua.config import Config
from sipua.outputs.metrics.names import names
from sipua.outputs.metrics.series import Series

PAGE = Path(__file__).parents[5] / "docs" / "metrics.md"


def test_the_page_names_each_series_and_no_other() -> None:
    families = Series(names(Config())).families()
    ours = {f"{one.name}_total" if one.kind == "counter" else one.name for one in families}
    assert set(re.findall(r"^\| `(sipua_\w+)`", PAGE.read_text(), re.MULTILINE)) == ours
