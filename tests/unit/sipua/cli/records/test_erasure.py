from __future__ import annotations

import json
import sqlite3
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path

import pytest

from sipua.campaigns.do_not_call import DoNotCallList
from sipua.campaigns.store import reading as campaigns
from sipua.cli.main import run
from sipua.cli.records import erasure
from sipua.cli.records.erasure import Places
from sipua.cli.records.whose import Wanted, same_number, without_numbers
from sipua.outputs.cdr.row import decode
from sipua.outputs.cdr.sqlite_store import SqliteStore
from sipua.outputs.hooks import reading
from sipua.outputs.hooks.spool import NewEvent, Spool
from sipua.recording.files import metadata, waiting
from sipua.recording.files.metadata import Metadata
from sipua.twilio.recordings import store as messages
from sipua.twilio.recordings.store import About
from support.calls.campaigns import campaign
from support.calls.rows import row as made_row

DAY = "2026-11-28"


@pytest.mark.parametrize(
    ("kept", "same"),
    [
        ("sip:+4930123456@carrier.example", True),
        ('"Ann" <sip:004930123456@x>;tag=1', True),
        ("tel:+49-30-123456", True),
        ("sip:4930123456@x", True),  # as many trunks write it
        ("sip:+49301234567@x", False),
        ("sip:ann@x", False),
        ("", False),
        ("…3456", False),
    ],
)
def test_a_number_is_the_same_however_it_is_written(kept: str, same: bool) -> None:
    assert same_number("+49 30 123456", kept, last_digits=False) is same


def test_last_digits_count_only_when_they_are_asked_for() -> None:
    assert same_number("+4930123456", "…3456", last_digits=True)
    assert not same_number("+4930123456", "…9999", last_digits=True)
    assert not same_number("+4930123456", "…", last_digits=True)


def row(call_id: str, caller: str) -> bytes:
    return json.dumps(
        {
            "schema": "sipua.cdr/1",
            "id": call_id,
            "node": "a",
            "direction": "incoming",
            "from": caller,
            "to": "sip:support@edge",
            "began": "2026-11-28T10:00:00.000Z",
            "ended": "2026-11-28T10:01:00.000Z",
            "status": "completed",
            "end": {"by": "caller", "reason": "hangup"},
        },
        separators=(",", ":"),
    ).encode()


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """Two calls of Ann, one of them recorded at this moment, and one of Bob's."""
    for name in ("cdr", "records", "recordings", "captures"):
        (tmp_path / name / DAY if name in ("records", "recordings") else tmp_path / name).mkdir(
            parents=True
        )
    callers = {"c-ann1": "sip:+4930123456@x", "c-ann2": "sip:+4930123456@x", "c-bob": "sip:+44@x"}
    rows = b"".join(row(one, callers[one]) + b"\n" for one in callers)
    (tmp_path / "cdr" / f"{DAY}.jsonl").write_bytes(rows)
    for one, caller in callers.items():
        first = {"kind": "call", "call_id": one, "direction": "incoming", "from": caller}
        (tmp_path / "records" / DAY / f"{one}.jsonl").write_text(json.dumps(first) + "\n")
        about = Metadata(one, began="then", direction="incoming", from_=caller)
        metadata.write(tmp_path / "recordings" / DAY / f"{one}.json", about)
        ending = ".part.wav" if one == "c-ann2" else ".wav"
        (tmp_path / "recordings" / DAY / f"{one}{ending}").write_text("sound")
        (tmp_path / "captures" / f"{one}.pcap").write_text("packets")
    (tmp_path / "edge.toml").write_text(
        "".join(
            f'[{section}]\ndirectory = "{tmp_path / folder}"\n'
            for section, folder in (
                ("cdr", "cdr"),
                ("record", "records"),
                ("recording", "recordings"),
                ("capture", "captures"),
                ("outbound", "outbound"),
            )
        )
    )
    return tmp_path


def left(home: Path) -> list[str]:
    return sorted(path.name for path in home.rglob("c-*") if path.is_file())


def test_only_with_yes_is_anything_deleted(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    before = left(home)
    assert run(["forget", "+4930123456", "-c", str(home / "edge.toml")]) == 0
    assert "found: 1 calls, 1 records, 2 recordings, 1 captures, 1 rows" in capsys.readouterr().out
    assert left(home) == before
    assert not (home / "cdr" / "erasures.jsonl").exists()


def test_what_is_kept_of_a_caller_is_deleted_and_nothing_else(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = home / "cdr" / f"{DAY}.jsonl"
    size = file.stat().st_size
    assert run(["forget", "+49 30 123456", "--yes", "-c", str(home / "edge.toml")]) == 0
    assert "c-ann2" in capsys.readouterr().out
    names = left(home)
    assert [name for name in names if "ann1" in name] == []
    assert len([name for name in names if "ann2" in name]) == 4, "it is being recorded"
    assert len([name for name in names if "bob" in name]) == 4
    first, second, third = file.read_bytes().splitlines()
    assert file.stat().st_size == size, "readers know their places by bytes"
    assert b"30123456" not in first
    assert decode(first).from_ == "*" * len("sip:+4930123456@x")
    assert b"30123456" in second
    assert third == row("c-bob", "sip:+44@x")
    audit = json.loads((home / "cdr" / "erasures.jsonl").read_text())
    assert audit["call_ids"] == ["c-ann1"]
    assert "30123456" not in json.dumps(audit)


def test_rows_of_the_database_lose_their_numbers(home: Path) -> None:
    path = home / "cdr" / "cdr.sqlite3"
    with sqlite3.connect(path) as database:
        database.execute("CREATE TABLE cdr (id TEXT, from_ TEXT, to_ TEXT, doc TEXT)")
        doc = row("c-ann1", "sip:+4930123456@x").decode()
        database.execute("INSERT INTO cdr VALUES ('c-ann1', 'sip:+4930123456@x', '', ?)", (doc,))
    database.close()
    places = Places(None, None, None, home / "cdr", path)
    with ExitStack() as held:
        erasure.erase(erasure.find(places, Wanted("+4930123456"), held), places)
    with sqlite3.connect(path) as database:
        [(from_, doc)] = database.execute("SELECT from_, doc FROM cdr").fetchall()
    database.close()
    assert from_ is None
    assert "30123456" not in doc


def test_all_numbers_and_names_of_a_row_become_stars() -> None:
    caller = {"number": "+4930123456", "received": "030123456", "name": "Ann", "diverted": ["+44"]}
    whole = json.loads(row("c-1", "sip:+4930123456@x"))
    line = json.dumps(whole | {"caller": caller, "called": "+4999"}, separators=(",", ":")).encode()
    starred = without_numbers(line)
    assert len(starred) == len(line)
    for text in (b"3012", b"Ann", b"+44", b"4999", b"support"):
        assert text not in starred
    assert decode(starred).id == "c-1"


def test_a_number_that_only_a_header_had_is_the_callers() -> None:
    whole = json.loads(row("c-1", "sip:anonymous@x"))
    wanted = Wanted("+4930123456")
    for caller, theirs in (({"number": "+4930123456"}, True), ({"received": "+4931"}, False)):
        line = json.dumps(whole | {"caller": caller}).encode()
        assert wanted.is_of_row(decode(line)) is theirs


def test_rows_whose_files_are_gone_and_events_for_webhooks_are_reached(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (home / "cdr" / f"{DAY}.jsonl").unlink()
    for name in ("records", "recordings"):
        for path in (home / name / DAY).glob("c-ann1*"):
            path.unlink()
    store = SqliteStore(home / "cdr" / "cdr.sqlite3")
    store.open()
    store.write([made_row("c-ann1", from_="sip:+4930123456@x")])
    store.close()
    spool = Spool(home / "hooks")
    spool.open()
    for call_id in ("c-ann1", "c-bob"):
        event = NewEvent(f"e-{call_id}", "call.ended", call_id, 1.0, b"{}", ("crm",))
        spool.write([event], ())
    spool.close()
    with (home / "edge.toml").open("a") as file:
        file.write(f'[webhook_spool]\ndirectory = "{home / "hooks"}"\n')
    assert run(["forget", "+4930123456", "--yes", "-c", str(home / "edge.toml")]) == 0
    assert "1 calls" in (told := capsys.readouterr().out)
    assert "1 events for webhooks" in told
    assert len(reading.events_of(home / "hooks", {"c-bob", "c-ann1"})) == 1
    assert not (home / "captures" / "c-ann1.pcap").exists()


def test_a_recording_that_is_on_its_way_to_s3_is_left_alone(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = home / "recordings"
    waiting.add(folder, folder / DAY / "c-ann1.part.wav")
    (one,) = waiting.every(folder)
    with one.held():
        assert run(["forget", "+4930123456", "--yes", "-c", str(home / "edge.toml")]) == 0
    assert "c-ann1" in capsys.readouterr().out
    assert (folder / DAY / "c-ann1.wav").exists()
    assert run(["forget", "+4930123456", "--yes", "-c", str(home / "edge.toml")]) == 0
    assert not (folder / DAY / "c-ann1.wav").exists()
    assert waiting.every(folder) == []


def test_campaigns_and_the_list_of_numbers_that_are_not_called(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    outbound = home / "outbound"
    march = campaign(outbound, ["+4930123456", "+4930123457"])
    numbers = DoNotCallList(outbound / "do_not_call.sqlite3")
    numbers.add(["+4930123456"], by="me", reason="a letter", now_s=0.0)
    command = ["forget", "+4930123456", "-c", str(home / "edge.toml")]
    assert run(command) == 0
    assert campaigns.report(outbound, march).waiting == 2
    assert run([*command, "--yes"]) == 0
    assert campaigns.report(outbound, march).blocked == {"forgotten": 1}
    told = capsys.readouterr().out
    assert "1 contacts of campaigns" in told
    assert "stays in the list of numbers that are not called, since 1970-01-01: +49" in told
    entry = numbers.find("+4930123456")
    assert entry is not None
    assert entry.reason == ""


def test_the_messages_that_a_caller_has_left_are_deleted(
    home: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """By the number, and by the calls that are known to be theirs."""
    began = datetime(2026, 11, 28, tzinfo=UTC)
    numbers = {"c-ann1": None, "c-ann3": "sip:+4930123456@x", "c-bob": "sip:+44@x"}
    sids = {}
    for call_id, number in numbers.items():
        about = About(messages.new_sid(), call_id, began, "incoming", number)
        part = messages.part_of(home / "messages", about)
        part.parent.mkdir(parents=True, exist_ok=True)
        part.write_bytes(b"sound")
        messages.put_in_place(part, about)
        sids[call_id] = about.sid
    with (home / "edge.toml").open("a") as file:
        file.write(
            f'[twilio]\nrecordings = "{home / "messages"}"\napi_url = "https://a"\n'
            f'account_sid = "AC{"0" * 32}"\n[api]\nenabled = true\n'
        )
    assert run(["forget", "+4930123456", "--yes", "-c", str(home / "edge.toml")]) == 0
    assert "6 recordings" in capsys.readouterr().out, "two files of each"
    left_sids = {path.name.partition(".")[0] for path in (home / "messages").rglob("RE*")}
    assert left_sids == {sids["c-bob"]}
