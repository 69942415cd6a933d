"""A record's two ways out: the log and the file."""

from __future__ import annotations

import asyncio
import io
import json
from datetime import date
from pathlib import Path
from typing import Any

import pytest

from sipua.bridge.engine_api.events import (
    RateLimit,
    RateLimits,
    ResponseDone,
    SpeechStarted,
    SpeechStopped,
    Transcript,
    Usage,
)
from sipua.bridge.engine_api.settings import AudioFormat
from sipua.bridge.events import (
    AudioBegan,
    AudioLeft,
    AudioPlayed,
    BridgeEvent,
    EngineInUse,
)
from sipua.events.teller import Teller
from sipua.log import logs
from sipua.record.recorder import CallRecord, Records
from sipua.record.settings import EngineFacts, FileSettings, RecordSettings

DAY = date(2026, 3, 1)
EVENTS: list[tuple[float, BridgeEvent]] = [
    (0.0, EngineInUse("main", AudioFormat.PCM16, "s", "first")),
    (1.0, SpeechStarted("u", 900)),
    (2.0, SpeechStopped("u", 2000)),
    (2.1, Transcript("u", "user", "my PIN is 4711", True)),
    (2.5, AudioBegan("a")),
    (2.5, AudioLeft("a")),
    (2.6, Transcript("a", "assistant", "Thanks, Ann", True)),
    (2.9, ResponseDone("r", "completed", usage=Usage(audio_out=100))),
    (3.5, AudioPlayed("a", 1000)),
    (3.6, RateLimits((RateLimit("tokens", 1000, 10, 1.0),))),
    (4.0, SpeechStarted("v", 3900)),
    (5.0, SpeechStopped("v", 5000)),
]


@pytest.fixture
def log() -> io.StringIO:
    stream = io.StringIO()
    logs.configure("debug", "json", stream)
    return stream


def lines(log: io.StringIO, level: str = "") -> list[dict[str, Any]]:
    found = [json.loads(line) for line in log.getvalue().splitlines()]
    ours = (line for line in found if not line["event"].startswith("lib."))
    return [line for line in ours if level in ("", line["level"])]


def teller() -> Teller:
    return Teller(logs.bind_call("c-1"))


def read(path: str) -> list[str]:
    return Path(path).read_text().splitlines()


def played(records: Records) -> CallRecord:
    engines = {"main": EngineFacts("voice")}
    record = records.begin("c-1", engines, tell=teller().tell, day=DAY, **{"from": "sip:1@a"})
    zero = asyncio.get_running_loop().time()
    record.answered()
    for at, event in EVENTS:
        record.feed(event, zero + at)
    return record


async def test_the_log_has_times_and_counts_and_no_words(log: io.StringIO) -> None:
    record = played(Records(RecordSettings(), None))
    await record.end(by="peer")
    told = [line["event"] for line in lines(log) if line["level"] != "debug"]
    assert told == [
        "turn.caller",
        "turn.latency",
        "engine.usage",
        "turn.agent",
        "engine.rate_limit",
        "turn.caller",
    ]
    assert all(line["call_id"] == "c-1" for line in lines(log))
    spoken = "".join(json.dumps(line) for line in lines(log) if line["level"] != "debug")
    assert "Ann" not in spoken
    assert "PIN" not in spoken
    assert [line["text"] for line in lines(log, "debug")] == ["my PIN is [number]", "Thanks, Ann"]
    summary = record.stats()["conversation"]
    assert (summary["turns"], summary["cost"], summary["engine_sessions"]) == (2, None, 1)
    assert "record" not in record.stats()


async def test_the_turn_that_got_no_answer_is_a_warning(log: io.StringIO) -> None:
    records = Records(RecordSettings(), None)
    record = records.begin("c-1", {}, tell=teller().tell, day=DAY)
    zero = asyncio.get_running_loop().time() - 60
    record.feed(SpeechStarted("u", 0), zero)
    record.feed(SpeechStopped("u", 0), zero + 1)
    await record.end(by="peer")
    (line,) = lines(log, "warning")
    assert line["event"] == "turn.unanswered"
    assert line["waited_ms"] > 50_000


async def test_the_file_has_everything(log: io.StringIO, tmp_path: Path) -> None:
    records = Records(RecordSettings(), FileSettings(tmp_path, 30, 1_000_000))
    records.start()
    record = played(records)
    await record.end(by="peer", reason="bye")
    stats = record.stats()["record"]
    written = [json.loads(line) for line in read(stats["file"])]
    kinds = [entry["kind"] for entry in written]
    assert kinds[:3] == ["call", "answered", "engine"]
    assert kinds[-1] == "end"
    assert (written[-1]["by"], written[-1]["turns"]) == ("peer", 2)
    assert len(written) == stats["lines"]
    texts = [entry["text"] for entry in written if entry.get("text")]
    assert texts == ["my PIN is [number]", "Thanks, Ann"]
    records.stop()


async def test_H4_a_disk_that_refuses_is_an_error_in_the_log_once(
    log: io.StringIO, tmp_path: Path
) -> None:
    (tmp_path / "records").write_text("a file, where a folder should be")
    records = Records(RecordSettings(), FileSettings(tmp_path / "records", 30, 1_000_000))
    records.start()
    record = played(records)
    await record.end(by="peer")
    (line,) = lines(log, "error")
    assert line["event"] == "record.failed"
    stats = record.stats()["record"]
    assert stats["lines"] == 0
    assert stats["dropped"] > 0
    assert stats["failed"]
    records.stop()
