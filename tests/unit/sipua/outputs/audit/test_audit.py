"""The audit log of an edge: restarts, months, a killed process, a full disk."""

from __future__ import annotations

import asyncio
import errno
import json
import os
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from sipua.events import edge_events
from sipua.events.event import Event
from sipua.events.stream import EventStream
from sipua.outputs.audit import audit, files
from sipua.outputs.audit.audit import Audit
from sipua.outputs.audit.chain import Finding, Verified, verify
from sipua.outputs.errors import OutputError

REQUEST = edge_events.ApiRequest(
    by="ops",
    right="admin",
    from_="127.0.0.1",
    local_user="anna",
    operation="set_log_level",
    method="PUT",
    path="/v1/log",
    given=["level"],
    status=200,
)
RELOADED = edge_events.ConfigReloaded(
    hash="h", secrets="s", generation=2, file="edge.toml", by="ops", plan={}
)


class Bed:
    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.now = datetime(2026, 11, 29, tzinfo=UTC)
        self.events = EventStream("edge-1")
        self.changes: list[Mapping[str, str | None]] = []

    def run(self, *events: Event) -> None:
        """An edge from its start to its end."""

        async def run() -> None:
            made = Audit(self.directory, self.events, lambda: self.changes, lambda: self.now)
            await made.start()
            for event in events:
                self.events.teller().tell(event)
            await made.stop()

        asyncio.run(run())
        self.events = EventStream("edge-1")

    @property
    def lines(self) -> list[dict[str, Any]]:
        return [json.loads(line) for _, _, line in files.lines(self.directory)]

    @property
    def wrong(self) -> list[Finding]:
        return list(verify(files.lines(self.directory), Verified()))


@pytest.fixture
def bed(tmp_path: Path) -> Bed:
    return Bed(tmp_path / "audit")


def test_who_when_what_from_where_and_how_it_ended(bed: Bed) -> None:
    bed.changes = [{"key": "log.level", "old": '"info"', "new": '"debug"', "when": "applied"}]
    bed.run(REQUEST, RELOADED)
    asked, reloaded = bed.lines
    assert asked["data"]["by"] == "ops"
    assert asked["data"]["local_user"] == "anna"
    assert asked["data"]["status"] == 200
    assert asked["node"] == "edge-1"
    assert asked["time"].endswith("Z")
    assert "changes" not in asked
    assert reloaded["changes"] == bed.changes


def test_other_events_are_not_its_business(bed: Bed) -> None:
    bed.run(edge_events.Warned(about="a", value="b", fix="c"))
    assert bed.lines == []


def test_the_chain_goes_on_over_restarts_and_months(bed: Bed) -> None:
    for month in (10, 11, 12):
        bed.now = datetime(2026, month, 1, tzinfo=UTC)
        bed.run(REQUEST, REQUEST)
    assert [path.name for path in files.all_of(bed.directory)] == [
        "2026-10.jsonl",
        "2026-11.jsonl",
        "2026-12.jsonl",
    ]
    assert [line["n"] for line in bed.lines] == [1, 2, 3, 4, 5, 6]
    assert bed.wrong == []
    (bed.directory / "2026-11.jsonl").unlink()
    (finding,) = bed.wrong
    assert finding.words.endswith("3 to 4 removed")


@pytest.mark.parametrize("left", [1, 30, 150])
def test_H2_a_process_that_was_killed_while_it_wrote(bed: Bed, left: int) -> None:
    bed.run(REQUEST, REQUEST)
    (path,) = files.all_of(bed.directory)
    whole = path.read_bytes()
    last = whole.split(b"\n")[1]
    path.write_bytes(whole[: -len(last) - 1 + left])
    bed.run(REQUEST)
    (finding,) = bed.wrong
    assert (finding.wrong, finding.fault, finding.line) == ("cut_off", False, 2)
    assert path.read_bytes().count(b"\n") == 3


def test_H4_a_full_disk_stops_nothing_and_the_lines_come_later(
    bed: Bed, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = Audit(bed.directory, bed.events, list, lambda: bed.now)
    monkeypatch.setattr(audit, "_MOST_WAITING", 3)
    bed.events.subscribe(made.on_event)
    for _ in range(5):
        bed.events.teller().tell(REQUEST)

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    made.drain()
    made.drain()
    assert [len(path.read_bytes()) for path in files.all_of(bed.directory)] == [0]
    monkeypatch.undo()
    made.drain()
    assert [line["type"] for line in bed.lines] == [*["api.request"] * 3, "audit.lost"]
    assert bed.lines[-1]["data"] == {"lines": 2}
    assert bed.wrong == []


def test_two_edges_do_not_write_to_one_directory(bed: Bed) -> None:
    with files.take(bed.directory), pytest.raises(OutputError, match="another process writes"):
        bed.run(REQUEST)
    bed.run(REQUEST)
    assert len(bed.lines) == 1


def test_a_directory_that_cannot_be_is_told_at_the_start(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(OutputError) as caught:
        Bed(tmp_path / "file").run(REQUEST)
    assert (caught.value.event, caught.value.fix) == ("audit.failed", "`audit.directory`")


def test_its_files_are_its_owners_alone(bed: Bed) -> None:
    bed.run(REQUEST)
    for path in bed.directory.iterdir():
        assert path.stat().st_mode & 0o077 == 0


def test_the_tail_of_a_large_file_is_enough(bed: Bed, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(files, "_TAIL", 1000)
    for _ in range(3):
        bed.run(*[REQUEST] * 10)
    assert bed.wrong == []
    assert bed.lines[-1]["n"] == 30
