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


def test_what_would_be_at_another_time(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "edge.toml"
    path.write_text(
        """\
[sip]
accept = "any"
[hours.office]
zone = "Europe/Berlin"
open = ["Mo-Fr 08:00-18:00"]
[[queues]]
name = "support"
max_calls = 1
[[routes]]
name = "day"
when = "office"
queue = "support"
closed = { transfer = "sip:1@pbx" }
"""
    )
    at = ["config", "route", str(path), "--to", "100", "--json", "--at"]
    assert cli.run([*at, "2026-11-28T12:00+01:00"]) == 0  # a Saturday
    told = json.loads(capsys.readouterr().out)
    assert told["route"] == "day"
    assert told["hours"] == "office: closed, opens 2026-11-30 08:00+01:00"
    assert told["closed"] == "transfer sip:1@pbx"
    assert told["queue"] == "support"
    assert cli.run([*at, "2026-11-30T07:30:00Z"]) == 0
    assert json.loads(capsys.readouterr().out)["hours"] == "office: open"
    with pytest.raises(SystemExit):
        cli.run([*at, "tomorrow"])
