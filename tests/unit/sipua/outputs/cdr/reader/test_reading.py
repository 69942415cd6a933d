"""Finding calls: filters, the database or the files, the table, the commands."""

from __future__ import annotations

import argparse
import csv
import io
import json
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from sipua.cli.main import run
from sipua.cli.records.cdr import about, moment
from sipua.events.ending import End, Reason, SipEnd
from sipua.outputs.cdr.backlog import Backlog
from sipua.outputs.cdr.reader import reading, show
from sipua.outputs.cdr.reader.reading import Filter
from sipua.outputs.cdr.row import Row, TransferTry, encode
from sipua.outputs.cdr.sink import Sink
from sipua.outputs.cdr.sqlite_store import SqliteStore
from sipua.process.exits import Exit
from support.calls.rows import row

ROWS = [
    row("c-1", ended="2026-11-18T11:06:50.000Z"),
    row(
        "c-2",
        began="2026-11-18T12:00:00.000Z",
        answered=None,
        ended="2026-11-18T12:00:20.000Z",
        duration_s=0.0,
        status="no_answer",
        end=End("edge", Reason.RING_TIMEOUT, "edge", "not answered within 20 s"),
        from_="sip:+4930123456@carrier",
        route="",
    ),
    row(
        "c-3",
        began="2026-11-18T13:00:00.000Z",
        answered="2026-11-18T13:00:01.000Z",
        ended="2026-11-18T13:00:09.000Z",
        end=End("edge", Reason.MEDIA_TIMEOUT, "network", "no RTP", SipEnd(200, "OK")),
        origin="pbx",
        from_="=HYPERLINK(\x1b[31m)",
    ),
]


@pytest.fixture(params=["files", "database"])
def directory(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    (tmp_path / "2026-11-18.jsonl").write_bytes(b"".join(encode(one) + b"\n" for one in ROWS))
    if request.param == "database":
        assert Sink(SqliteStore(tmp_path / "cdr.sqlite3"), Backlog(tmp_path, "sqlite"))._pass()
        assert reading._is_complete(tmp_path)
    return tmp_path


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        (Filter(), "321"),
        (Filter(since="2026-11-18T12:00:00.000Z"), "32"),
        (Filter(until="2026-11-18T12:00:00.000Z"), "1"),
        (Filter(from_="3456"), "21"),
        (Filter(from_="%"), ""),
        (Filter(to="100"), "321"),
        (Filter(origin="pbx"), "3"),
        (Filter(route="support"), "31"),
        (Filter(status="no_answer"), "2"),
        (Filter(reason="media_timeout", fault="network"), "3"),
        (Filter(fault="caller"), ""),
        (Filter(id="c-2"), "2"),
    ],
)
def test_filters_are_the_same_in_files_and_database(
    directory: Path, wanted: Filter, found: str
) -> None:
    rows = list(reading.read(directory, wanted))
    assert "".join(one.id[-1] for one in rows) == found
    assert all(one == ROWS[int(one.id[-1]) - 1] for one in rows)


def test_a_database_that_lags_is_not_asked(directory: Path) -> None:
    with (directory / "2026-11-19.jsonl").open("ab") as file:
        file.write(encode(row("c-4", ended="2026-11-19T01:00:00.000Z")) + b"\n")
    assert next(one.id for one in reading.read(directory, Filter())) == "c-4"


def test_what_cannot_be_read_is_said(tmp_path: Path) -> None:
    with pytest.raises(reading.NoRowsError, match="there is no directory"):
        list(reading.read(tmp_path / "nowhere", Filter()))
    (tmp_path / "cdr.sqlite3").write_bytes(b"no database, but a text of some length" * 100)
    with pytest.raises(reading.NoRowsError, match="remove the database"):
        list(reading.read(tmp_path, Filter()))


def test_the_list_in_a_terminal() -> None:
    lines = show.overview(ROWS, colour=False).splitlines()
    assert [line.split()[0] for line in lines] == ["began", *["2026-11-18"] * 3]
    assert lines[1].endswith("completed   caller: hangup")
    assert lines[2].endswith("no_answer   edge: ring_timeout (edge)")
    assert "+4930123456" in lines[2]
    assert "\x1b" not in "".join(lines)
    assert show.overview([], colour=False) == "no calls\n"


def test_one_call_in_a_terminal() -> None:
    one = row("c-1", conversation={"turns": 2, "latency_ms": {"p50": 1, "p95": 2, "max": 4000}})
    one.transfers = [TransferTry("…", "sip:200@pbx", "failed", 486, "Busy Here")]
    text = show.call(one, colour=False)
    assert text.startswith("c-1  incoming  …3456 → 100\n")
    assert "sip:200@pbx: failed (486 Busy Here)" in text
    assert "2 turns, p50 1 ms, p95 2 ms, max 4000 ms" in text
    assert "caller: hangup, SIP 200 OK" in text


def test_a_text_from_outside_is_no_formula() -> None:
    def cell(**changes: str) -> str:
        made: Row = row("c-1", **changes)
        return reading.cells(made)[reading.HEAD.index("from")]

    assert cell(from_="=1+1") == "'=1+1"
    assert cell(from_="@SUM(A1)") == "'@SUM(A1)"
    assert cell(from_="+49 30 123") == "+49 30 123"
    assert cell(from_="+cmd|' /C calc'!A0") == "'+cmd|' /C calc'!A0"
    assert cell(from_="…3456") == "…3456"


def test_the_commands(directory: Path, capsys: pytest.CaptureFixture[str]) -> None:
    where = ["--directory", str(directory)]
    assert run(["cdr", "ls", "-n", "1", "--json", *where]) == Exit.OK
    assert [one["id"] for one in json.loads(capsys.readouterr().out)] == ["c-3"]
    assert run(["cdr", "show", "c-2", *where]) == Exit.OK
    assert "edge: ring_timeout (edge): not answered within 20 s" in capsys.readouterr().out
    assert run(["cdr", "show", "c-9", *where]) == Exit.UNFIT
    assert "no row of c-9" in capsys.readouterr().err
    assert run(["cdr", "export", "--csv", "--route", "support", *where]) == Exit.OK
    table = list(csv.DictReader(io.StringIO(capsys.readouterr().out)))
    assert [line["id"] for line in table] == ["c-3", "c-1"]
    assert run(["cdr", "export", *where]) == Exit.USAGE
    assert run(["cdr", "ls", "--directory", str(directory / "no")]) == Exit.UNFIT
    assert "there is no directory" in capsys.readouterr().err


def test_a_wrong_filter_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    for words, told in (
        (["--status", "bsuy"], "'bsuy' is no status: completed, busy"),
        (["--since", "yesterday"], "'yesterday' is no time: 2026-11-28"),
        (["--fault", "god"], "'god' is no side: caller"),
    ):
        with pytest.raises(SystemExit):
            run(["cdr", "ls", *words])
        assert told in capsys.readouterr().err


def test_times() -> None:
    assert moment("2026-11-28T10:30:00+01:00") == "2026-11-28T09:30:00.000Z"
    assert moment("999999d") < moment("2h") < moment("30m")


def test_about_three() -> None:
    assert about("2026-11-28T15:00:00+00:00") == (
        "2026-11-28T14:00:00.000Z",
        "2026-11-28T16:00:00.000Z",
    )
    for text in ("0:00", "15.30", "23:59"):
        since, until = map(datetime.fromisoformat, about(text))
        at = since + (until - since) / 2
        assert timedelta() <= datetime.now(UTC) - at <= timedelta(hours=25)  # the last one
    with pytest.raises(argparse.ArgumentTypeError, match="is no time"):
        about("25:00")


def test_bad_calls_alone(directory: Path, capsys: pytest.CaptureFixture[str]) -> None:
    where = ["--directory", str(directory)]
    assert run(["cdr", "ls", "--bad", "--json", *where]) == Exit.OK
    listed = json.loads(capsys.readouterr().out)
    assert [one["id"] for one in listed] == ["c-3", "c-2"]
    assert [one["findings"][0]["name"] for one in listed] == ["media_timeout", "ring_timeout"]
    words = ["--from", "+49 (30) 123456", "--about", "2026-11-18T12:30:00+00:00"]
    assert run(["cdr", "ls", *words, "--json", *where]) == Exit.OK
    assert [one["id"] for one in json.loads(capsys.readouterr().out)] == ["c-2"]
