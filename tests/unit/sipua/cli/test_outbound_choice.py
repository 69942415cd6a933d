"""`sipua config outbound` tells which trunks a number is called by, and why."""

import json
from pathlib import Path

import pytest

from sipua.cli import main as cli

FILE = """\
[sip]
host = "0.0.0.0"
[[trunks]]
name = "cheap"
proxy = "sip:192.0.2.1"
number_out = { "+" = "00" }
allowed_destinations = ["!+4990*"]
[[trunks]]
name = "good"
proxy = "sip:192.0.2.2"
[[outbound_routes]]
name = "germany"
prefixes = ["+49"]
trunks = [{ trunk = "good", price = 1.2 }, { trunk = "cheap", price = 0.8 }]
"""


@pytest.fixture
def file(tmp_path: Path) -> str:
    path = tmp_path / "edge.toml"
    path.write_text(FILE)
    return str(path)


def test_the_choice_and_why(file: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run(["config", "outbound", "+49301234", file]) == 0
    assert capsys.readouterr().out == (
        "number        +49301234\n"
        "rule          germany, by its prefix +49\n"
        "1             cheap: price 0.8, as 0049301234\n"
        "2             good: price 1.2, as +49301234\n"
    )
    assert cli.run(["config", "outbound", "+49900", file, "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert [one["trunk"] for one in told["trunks"]] == ["cheap", "good"]
    assert told["trunks"][0]["refused"] == 'allowed_destinations: "!+4990*"'


def test_a_number_without_a_rule(file: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.run(["config", "outbound", "+33123", file]) == 1
    assert capsys.readouterr().out == "no rule of [[outbound_routes]] fits +33123\n"
