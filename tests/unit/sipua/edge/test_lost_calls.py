"""The end of a record whose writer is dead."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from sipua.calls.facts import CallFacts
from sipua.calls.outcome import CallOutcome
from sipua.config import Config
from sipua.edge.calls import lost_calls
from sipua.edge.calls.lost_calls import LostCalls
from sipua.events.ending import Reason
from sipua.events.stream import EventStream
from sipua.record import reading
from sipua.sip.messages import CallEnded, EndedBy

BEGAN = datetime.now(UTC) - timedelta(seconds=90)
FACTS = CallFacts("c-1", "incoming", "<sip:5551234@a>", "<sip:b@b>", "anyone", "sales", BEGAN)
CAUSE = "internal error: worker 2: killed by signal 9"
WORKER_DIED = {"by": "edge", "reason": "worker_died", "fault": "edge", "detail": CAUSE}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / BEGAN.date().isoformat() / "c-1.jsonl"
    path.parent.mkdir()
    return path


def end(path: Path, *, answered: bool = True, enabled: bool = True) -> list[dict[str, Any]]:
    record = {"enabled": enabled, "directory": str(path.parent.parent)}
    config = Config.model_validate({"record": record})
    lost = LostCalls(config, EventStream("edge"), lambda: [FACTS])
    lost.start()
    facts = replace(FACTS, talked_s=12.5 if answered else 0.0)
    outcome = CallOutcome(incoming=True)
    if answered:
        outcome.answered()
    outcome.decide(Reason.WORKER_DIED, CAUSE)
    outcome.ended(CallEnded("c-1", EndedBy.US, 0, CAUSE))
    with capture_logs() as logs:
        lost.tell(facts, outcome)
        lost.write_end(facts, outcome, 12.5)
    lost.stop()  # once the end is written
    return [dict(line) for line in logs]


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines() if line]


def test_H10_it_names_the_fault_in_log_and_record(path: Path) -> None:
    path.write_text('{"kind":"call","call_id":"c-1"}\n{"kind":"answered","at_ms":0}\n')
    (line,) = end(path)
    assert (line["event"], line["log_level"]) == ("call.ended", "error")
    assert (line["status"], line["end"], line["duration_s"]) == ("completed", WORKER_DIED, 12.5)
    assert line["from"] == "…1234", "as the worker would have told it"
    assert lines(path)[2:] == [
        {
            "kind": "end",
            "at_ms": 12500,
            "status": "completed",
            "end": WORKER_DIED,
            "duration_s": 12.5,
        }
    ]
    story = reading.read(path)
    assert story.end is not None
    assert story.unreadable == 0


def test_H10_an_end_that_the_worker_has_written_stays_the_only_one(path: Path) -> None:
    """It died between the end of the record and its last message."""
    written = '{"kind":"call","call_id":"c-1"}\n{"kind":"end","at_ms":80,"reason":"hang_up"}\n'
    path.write_text(written)
    (line,) = end(path)
    assert line["event"] == "call.ended"
    assert path.read_text() == written


def test_H10_a_line_that_was_cut_off_spoils_no_other(path: Path) -> None:
    path.write_text('{"kind":"call","call_id":"c-1"}\n{"kind":"turn","at_')
    end(path)
    story = reading.read(path)
    assert story.end is not None
    assert story.ending == ("edge", CAUSE, 0)
    assert story.unreadable == 1


@pytest.mark.parametrize("prepare", [lambda path: None, lambda path: path.touch()])
def test_H10_a_record_that_was_not_begun_is(path: Path, prepare: Callable[[Path], None]) -> None:
    prepare(path)
    end(path, answered=False)
    first, last = lines(path)
    assert (first["kind"], first["call_id"], first["route"]) == ("call", "c-1", "sales")
    assert "5551234" not in first["from"], "as the worker would have written it"
    assert last["kind"] == "end"
    assert (last["at_ms"], last["duration_s"]) == (12_500, 0.0)


def test_its_end_is_read_and_written_by_the_thread_of_the_files(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A slow disk would hold up the signalling of all other calls."""
    readers: list[str] = []

    def tail(of: Path) -> bytes:
        readers.append(threading.current_thread().name)
        return usual(of)

    usual = lost_calls._tail
    monkeypatch.setattr(lost_calls, "_tail", tail)
    path.write_text('{"kind":"call","call_id":"c-1"}\n')
    end(path)
    assert readers == ["records"]
    assert lines(path)[-1]["kind"] == "end"


def test_without_records_it_is_a_line_of_the_log(path: Path) -> None:
    assert len(end(path, enabled=False)) == 1
    assert not path.exists()
