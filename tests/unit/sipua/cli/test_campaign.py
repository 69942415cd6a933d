"""`sipua campaign` and `sipua dnc`: files are judged line by line before anything is asked."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from sipua.cli import api_client, campaign, dnc
from sipua.cli.api_client import ClientError
from sipua.cli.main import run
from sipua.process.exits import Exit

REPORT: dict[str, Any] = {
    "contacts": 3,
    "waiting": 1,
    "calling": 0,
    "done": {"person": 1, "blocked": 1},
    "blocked": {"do_not_call": 1},
    "attempts": {"person": 1},
    "answered_live": 1,
    "abandoned": 0,
    "talk_s": 90.0,
}
MARCH: dict[str, Any] = {
    "name": "march",
    "state": "running",
    "by": "me",
    "origin": "carrier",
    "route": "",
    "caller_id": "",
    "timezone": "",
    "hours": [],
    "max_calls": 1,
    "calls_per_second": 1.0,
    "report": REPORT,
}


class FakeEdge:
    def __init__(self) -> None:
        self.asked: list[tuple[str, str, Any]] = []
        self.error: ClientError | None = None

    def __call__(self, _args: Any, method: str, path: str, body: Any = None, **_: Any) -> Any:
        self.asked.append((method, path, body))
        if path.endswith("/contacts"):
            if self.error is not None:
                raise self.error
            return {"added": len(body["contacts"]), "known": 0}
        if path == "/v1/dnc" and method == "POST":
            return {"added": len(body["numbers"]), "known": 0}
        if path.startswith("/v1/dnc/"):
            return {"number": "+4930123456", "listed": False}
        return {"campaigns": []} if path == "/v1/campaigns" and method == "GET" else MARCH


@pytest.fixture
def edge(monkeypatch: pytest.MonkeyPatch) -> FakeEdge:
    fake = FakeEdge()
    for module in (campaign, dnc, api_client):
        monkeypatch.setattr(module, "ask", fake)
    return fake


def csv(home: Path, text: str) -> str:
    file = home / "contacts.csv"
    file.write_text(text)
    return str(file)


def test_a_file_becomes_a_campaign(
    tmp_path: Path, edge: FakeEdge, capsys: pytest.CaptureFixture[str]
) -> None:
    lines = "".join(f"+4930{n:06},Anna {n}\n" for n in range(250))
    file = csv(tmp_path, f"number,name\n{lines}")
    words = ["campaign", "run", "march", file, "--origin", "carrier", "--max-calls", "5"]
    assert run(words) == Exit.OK
    (create,) = [body for method, path, body in edge.asked if path == "/v1/campaigns" and body]
    assert create == {"name": "march", "origin": "carrier", "max_calls": 5}
    batches = [body["contacts"] for _, path, body in edge.asked if path.endswith("/contacts")]
    assert sum(map(len, batches)) == 250
    assert max(map(len, batches)) <= 100
    assert batches[0][0]["values"] == {"name": "Anna 0"}
    assert edge.asked[-1][:2] == ("POST", "/v1/campaigns/march/start")
    told = capsys.readouterr()
    assert "250 contacts added" in told.err
    assert "by do_not_call: 1" in told.out


def test_a_faulty_file_is_not_sent(
    tmp_path: Path, edge: FakeEdge, capsys: pytest.CaptureFixture[str]
) -> None:
    file = csv(tmp_path, "number,name\n+4930123456,Anna,more\n+4930123457,Bob\n")
    assert run(["campaign", "run", "march", file, "--origin", "carrier"]) == Exit.UNFIT
    assert edge.asked == []
    assert "line 2: 3 columns" in capsys.readouterr().err


def test_what_the_edge_refuses_is_named_by_its_line(
    tmp_path: Path, edge: FakeEdge, capsys: pytest.CaptureFixture[str]
) -> None:
    edge.error = ClientError("not valid", Exit.UNFIT, ["/contacts/1: 'bob' is no telephone number"])
    file = csv(tmp_path, "number\n+4930123456\n\nbob\n")
    assert run(["campaign", "run", "march", file, "--origin", "carrier"]) == Exit.UNFIT
    assert "line 4: 'bob' is no telephone number" in capsys.readouterr().err


def test_a_new_campaign_needs_a_trunk(tmp_path: Path, edge: FakeEdge) -> None:
    file = csv(tmp_path, "number\n+4930123456\n")
    assert run(["campaign", "run", "march", file]) == Exit.USAGE
    assert run(["campaign", "run", "march", file, "--check"]) == Exit.OK


@pytest.mark.parametrize("act", ["start", "pause", "stop"])
def test_acts(edge: FakeEdge, act: str) -> None:
    assert run(["campaign", act, "march"]) == Exit.OK
    assert edge.asked == [("POST", f"/v1/campaigns/march/{act}", None)]


def test_numbers_of_a_file(tmp_path: Path, edge: FakeEdge) -> None:
    file = csv(tmp_path, "name,number\nAnna,+4930123456\nBob,030 765\n")
    assert run(["dnc", "import", file, "--reason", "national list"]) == Exit.OK
    assert edge.asked == [
        ("POST", "/v1/dnc", {"numbers": ["+4930123456", "030 765"], "reason": "national list"})
    ]
    plain = csv(tmp_path, "+4930123456\n+4930123457\n")
    assert run(["dnc", "import", plain]) == Exit.OK
    assert edge.asked[-1][2]["numbers"] == ["+4930123456", "+4930123457"]


def test_a_faulty_line_of_numbers_is_named(
    tmp_path: Path, edge: FakeEdge, capsys: pytest.CaptureFixture[str]
) -> None:
    file = csv(tmp_path, "number\n+4930123456\nbob\n")
    assert run(["dnc", "import", file]) == Exit.UNFIT
    assert "line 3: no telephone number" in capsys.readouterr().err
    assert edge.asked == []


def test_a_number_is_checked(edge: FakeEdge, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["dnc", "check", "+4930123456"]) == Exit.OK
    assert "may be called" in capsys.readouterr().out
    assert edge.asked[-1][:2] == ("GET", "/v1/dnc/%2B4930123456")
