"""`sipua hooks ls`: all webhooks of the configuration, and what an earlier one has left."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest

from sipua.cli.main import run
from sipua.outputs.hooks.spool import NewEvent, Spool
from sipua.process.exits import Exit

CONFIG = """
[webhook_spool]
directory = "{directory}"

[[webhooks]]
name = "crm"
url = "https://crm.example.com/"

[[webhooks]]
name = "later"
url = "https://later.example.com/"
enabled = false
"""


@pytest.fixture
def home(tmp_path: Path) -> Path:
    (tmp_path / "edge.toml").write_text(CONFIG.format(directory=tmp_path / "spool"))
    return tmp_path


def listed(home: Path, capsys: pytest.CaptureFixture[str], *words: str) -> list[list[str]]:
    where = words or ("-c", str(home / "edge.toml"))
    assert run(["hooks", "ls", *where]) == Exit.OK
    return [line.split()[:5] for line in capsys.readouterr().out.splitlines()]


def test_idle_ones_are_named(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert listed(home, capsys) == [
        ["crm", "ok", "0", "wait", "0"],
        ["later", "off", "0", "wait", "0"],
    ]
    assert not (home / "spool").exists(), "who looks makes none"
    assert run(["hooks", "ls", "--json", "-c", str(home / "edge.toml")]) == Exit.OK
    assert [one["webhook"] for one in json.loads(capsys.readouterr().out)] == ["crm", "later"]


def test_one_that_is_gone_is_named_while_something_is_kept_for_it(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    spool = Spool(home / "spool")
    (home / "spool").mkdir()
    spool.open()
    spool.write([NewEvent("e-1", "call.ended", "c-1", time.time(), b"{}", ("old",))], ())
    spool.close()
    assert [row[:3] for row in listed(home, capsys)] == [
        ["crm", "ok", "0"],
        ["later", "off", "0"],
        ["old", "removed", "1"],
    ]
    assert [row[:3] for row in listed(home, capsys, "--directory", str(home / "spool"))] == [
        ["old", "ok", "1"]
    ]
