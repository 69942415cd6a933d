"""From the configuration to the tools that an engine is told of."""

from __future__ import annotations

from pathlib import Path

import pytest

from sipua.config import load
from sipua.edge.wiring import call as wiring_call
from sipua.tools.wire.errors import ToolLoadError

TOOLS = """
[tools]
builtin = ["hang_up", "collect_digits"]
[[tools.webhooks]]
name = "find_order"
description = "Looks up an order by its number."
url = "http://127.0.0.1:8080/orders"
"""


@pytest.mark.parametrize("mask", [True, False])
def test_tools_of_the_file(tmp_path: Path, mask: bool) -> None:
    path = tmp_path / "edge.toml"
    path.write_text(f"[calls]\nmask_dtmf = {str(mask).lower()}\n{TOOLS}")
    config = load(path, {})
    toolbox = wiring_call.toolbox(config)
    assert toolbox.names == {"hang_up", "collect_digits", "find_order"}
    declared = toolbox.declarations(["find_order"])
    settings = wiring_call.engine_settings(config.engine, tools=declared)
    assert [tool["name"] for tool in settings.tools] == ["find_order"]
    assert toolbox._tools["collect_digits"].reveals is not mask


def test_a_tool_that_cannot_be_loaded_is_named(tmp_path: Path) -> None:
    path = tmp_path / "edge.toml"
    path.write_text('[tools]\npython = ["no_such_module:tool"]\n')
    with pytest.raises(ToolLoadError, match="no_such_module:tool"):
        wiring_call.toolbox(load(path, {}))
