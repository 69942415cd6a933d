from __future__ import annotations

import io
import json
from pathlib import Path

import pytest

from sipua.cli.config import documents as command
from sipua.config import ConfigError
from sipua.process.exits import Exit


def test_check_text_and_json(tmp_path: Path) -> None:
    good, bad = tmp_path / "good.toml", tmp_path / "bad.toml"
    good.write_text('[sip]\naccept = "any"\n')
    bad.write_text("[sip]\nport = 70000\n")
    for path, code in ((good, Exit.OK), (bad, Exit.CONFIG), (tmp_path / "none", Exit.CONFIG)):
        text, data = io.StringIO(), io.StringIO()
        assert command.check(path, {}, text, as_json=False) == code
        assert command.check(path, {}, data, as_json=True) == code
        assert text.getvalue().startswith(f"{path}: ")
        found = json.loads(data.getvalue())
        assert found["ok"] is (code is Exit.OK)
    out = io.StringIO()
    command.check(bad, {}, out, as_json=True)
    problem = json.loads(out.getvalue())["problems"][0]
    assert (problem["key"], problem["line"], problem["value"]) == ("sip.port", 2, "70000")


def test_show(tmp_path: Path) -> None:
    text, data = io.StringIO(), io.StringIO()
    assert command.show(None, {}, text, as_json=False) == Exit.OK
    assert command.show(None, {}, data, as_json=True) == Exit.OK
    assert text.getvalue().startswith("# built-in demo")
    assert json.loads(data.getvalue())["values"]["sip.port"]["value"] == 5060
    with pytest.raises(ConfigError):
        command.show(tmp_path / "none", {}, text, as_json=False)


def test_docs() -> None:
    out = io.StringIO()
    assert command.docs(out) == Exit.OK
    assert out.getvalue().startswith("# Configuration")
