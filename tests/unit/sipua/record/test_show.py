"""Records read back and printed."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from sipua.cli.main import run
from sipua.process.exits import Exit
from sipua.record import reading, show

CALL = {
    "kind": "call",
    "schema": "sipua.record/1",
    "began": "2026-11-21T02:58:53.697+00:00",
    "call_id": "c-1",
    "direction": "incoming",
    "from": "…3456",
    "to": "100",
    "sip_call_id": "abc@pbx",
}
ANSWERED = {"kind": "answered", "at_ms": 0, "rang_ms": 416}
LATENCY = {
    "kind": "latency",
    "turn": 2,
    "of": "caller",
    "total_ms": 3545,
    "endpointing_ms": 500,
    "model_ms": 1435,
    "outage_ms": 1610,
}
ENTRIES: list[dict[str, Any]] = [
    CALL,
    {"kind": "engine", "at_ms": -411, "news": "first", "engine": "main", "model": "voice"},
    ANSWERED,
    {"kind": "caller", "at_ms": 8055, "turn": 2, "item": "u", "start_ms": 3981, "end_ms": 7555},
    {"kind": "engine", "at_ms": 8100, "news": "outage", "engine": "main", "cause": "lost: 1011"},
    {"kind": "text", "at_ms": 8300, "item": "u", "who": "caller", "text": "Where is it?\x1b[2J"},
    {"kind": "tool", "at_ms": 9500, "name": "find", "start_ms": 8200, "ran_ms": 1300,
     "outcome": "timeout", "arguments": {"a": "[number]"}},
    {**LATENCY, "at_ms": 11100},
    {"kind": "agent", "at_ms": 14002, "turn": 2, "item": "i", "start_ms": 11100, "end_ms": 14002,
     "played_ms": 2900, "of_ms": 9100, "cut": "caller", "text": "In Hamburg"},
    {"kind": "dtmf", "at_ms": 15000, "digit": "?", "duration_ms": 120},
    {"kind": "sound", "at_ms": 16000, "item": "local:filler:1", "start_ms": 15500,
     "played_ms": 500},
    {"kind": "rate_limit", "at_ms": 17000, "name": "tokens", "remaining": 9, "limit": 1000},
    {"kind": "network", "at_ms": 17500, "caller_lost": 0.08},
    {"kind": "turn", "at_ms": 30000, "turn": 3, "outcome": "unanswered", "waited_ms": 7445,
     "failed": "failed: server_error"},
    {"kind": "supervisor", "at_ms": 30100, "news": "hears", "who": "sip:anna@pbx", "by": "ops",
     "mode": "listen"},
    {"kind": "supervisor", "at_ms": 30200, "news": "left", "who": "sip:anna@pbx",
     "mode": "listen", "cause": "hung_up"},
    {"kind": "of a later version", "at_ms": 31000},
    {"kind": "end", "at_ms": 34002, "by": "peer", "status": 200, "reason": "bye", "turns": 1,
     "unanswered": 1, "interruptions": 1, "outages": 1, "tool_errors": 1, "first_word_ms": 1,
     "latency_ms": {"p50": 3545, "p95": 3545, "max": 3545}, "cost": 0.0312, "currency": "USD"},
]  # fmt: skip


def written(
    directory: Path, entries: list[dict[str, Any]], name: str = "c-1", tail: str = ""
) -> Path:
    path = directory / "2026-11-21" / f"{name}.jsonl"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(entry) + "\n" for entry in entries) + tail)
    return path


def test_a_conversation_in_the_order_in_which_it_was_heard(tmp_path: Path) -> None:
    text = show.conversation(reading.read(written(tmp_path, ENTRIES)), colour=False)
    wanted = [
        "incoming  …3456 → 100",
        "rang 0.4 s, talked 31.0 s, ended by peer: bye (200)",
        "1 turn; 1 unanswered; 1 interrupted; 1 outage; first word 1 ms; answers p50 3545 ms",
        "-0:00.411  engine  in use main (voice)",
        "0:03.981  caller  “Where is it?\\x1b[2J”",
        "0:08.100  engine  OUTAGE of main - lost: 1011",
        '0:08.200  tool    find {"a": "[number]"}: timeout, 1300 ms',
        "0:11.100  agent   “In Hamburg”",
        "interrupted after 2.9 s of 9.1 s",
        "answer 3545 ms  endpointing 500 + model 1435 + outage 1610",
        "0:15.000  key     ? (120 ms)",
        "0:15.500  sound   filler (0.5 s)",
        "0:17.000  limit   9 of 1000 tokens left",
        "0:17.500  network 8% of our packets never reach the caller",
        "NO ANSWER, waited 7.4 s (failed: server_error)",
    ]
    at = [text.find(words) for words in wanted]
    assert -1 not in at, wanted[at.index(-1)] + "\n" + text
    assert at == sorted(at)


def test_colours_only_where_they_are_asked_for(tmp_path: Path) -> None:
    story = reading.read(written(tmp_path, ENTRIES))
    assert "\x1b" not in show.conversation(story, colour=False)
    assert "\x1b[31mNO ANSWER" in show.conversation(story, colour=True)


def test_a_file_that_was_cut_off_is_shown_as_far_as_it_goes(tmp_path: Path) -> None:
    story = reading.read(written(tmp_path, ENTRIES[:5], tail='{"kind":"agent","at_'))
    assert story.unreadable == 1
    text = show.conversation(story, colour=False)
    assert "OUTAGE" in text
    assert "was cut off" in text


@pytest.mark.parametrize(
    ("end", "told"),
    [
        ({"by": "caller", "reason": "hangup", "detail": "bye", "sip": {"status": 200}},
         "ended by caller: bye (200)"),
        ({"by": "edge", "reason": "worker_died"}, "ended by edge: worker_died (0)"),
        ({"by": 7, "sip": {"status": "x"}}, "ended by 7: no reason given (0)"),
    ],
)  # fmt: skip
def test_the_end_of_a_record_as_it_is_written_now(
    tmp_path: Path, end: dict[str, Any], told: str
) -> None:
    last = {"kind": "end", "at_ms": 34002, "status": "completed", "end": end}
    story = reading.read(written(tmp_path, [{**CALL, "schema": "sipua.record/2"}, ANSWERED, last]))
    assert told in show.conversation(story, colour=False)


def test_a_call_that_was_never_answered(tmp_path: Path) -> None:
    path = written(tmp_path, [CALL, {**ENTRIES[-1], "status": 503, "turns": 0}])
    story = reading.read(path)
    assert "never answered, ended by peer: bye (503)" in show.conversation(story, colour=False)
    assert "never answered" in show.overview([story], colour=False)


def test_the_list_has_the_slowest_answer_and_what_went_wrong(tmp_path: Path) -> None:
    stories = [reading.read(written(tmp_path, ENTRIES)), reading.read(written(tmp_path, [CALL]))]
    head, row, cut = show.overview(stories, colour=False).splitlines()
    assert head.split()[0] == "when"
    assert "31.0 s" in row
    assert row.split("3545 ms")[1].strip() == "0.0312  1 unanswered, 1 outage, 1 tool failed"
    assert cut.endswith("no end")
    assert show.overview([], colour=False) == "no records\n"


def test_show_on_the_command_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = written(tmp_path, ENTRIES)
    for which in ("c-1", str(path)):
        assert run(["record", "show", which, "--directory", str(tmp_path)]) == Exit.OK
        assert "OUTAGE of main" in capsys.readouterr().out
    assert run(["record", "show", "c-1", "--json", "--directory", str(tmp_path)]) == Exit.OK
    told = json.loads(capsys.readouterr().out)
    assert told["call"]["call_id"] == "c-1"
    assert told["end"]["turns"] == 1
    assert len(told["entries"]) == len(ENTRIES) - 3, "the text stands with what was said"


def test_list_on_the_command_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(3):
        written(tmp_path, ENTRIES, f"c-{number}")
    monkeypatch.setenv("SIPUA_RECORD__DIRECTORY", str(tmp_path))
    assert run(["record", "list", "-n", "2"]) == Exit.OK
    assert len(capsys.readouterr().out.splitlines()) == 3
    assert run(["record", "list", "--json"]) == Exit.OK
    assert len(json.loads(capsys.readouterr().out)) == 3


@pytest.mark.parametrize("which", ["c-none", "none.jsonl"])
def test_what_is_not_there_is_said(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], which: str
) -> None:
    assert run(["record", "show", which, "--directory", str(tmp_path)]) == Exit.UNFIT
    assert which in capsys.readouterr().err


def test_what_is_no_record_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "other.jsonl"
    path.write_text("hello\n[1]\n")
    assert run(["record", "show", str(path)]) == Exit.UNFIT
    assert "is no record of a call" in capsys.readouterr().err
