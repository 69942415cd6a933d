"""`sipua config route` tells what a call would get."""

import json
from pathlib import Path

import pytest

from sipua.cli import main as cli

FILE = """\
[sip]
accept = "any"
[engines.backup]
[[routes]]
name = "sales"
called = ["+4930*"]
voice = "cedar"
tools = []
fallback = [
    { engine = "backup" }, { prompt = "sorry" }, { transfer = "sip:1@pbx" }, { status = 486 },
]
"""


@pytest.fixture
def file(tmp_path: Path) -> str:
    path = tmp_path / "edge.toml"
    path.write_text(FILE)
    return str(path)


def test_the_route_and_its_agent(file: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run(["config", "route", file, "--to", "sip:+49301@edge", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert (told["route"], told["voice"], told["tools"]) == ("sales", "cedar", [])
    assert told["engines"] == ["local", "backup"]
    assert told["fallback"] == ["prompt sorry", "transfer sip:1@pbx", "status 486"]


def test_a_number_is_enough_and_no_route_is_said_too(
    file: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert cli.run(["config", "route", file, "--to", "+49301"]) == 0
    assert "route         sales\n" in capsys.readouterr().out
    assert cli.run(["config", "route", file, "--to", "100", "--from", "sip:bob@pbx"]) == 0
    out = capsys.readouterr().out
    assert "route         -\n" in out
    assert "tools         all\n" in out
