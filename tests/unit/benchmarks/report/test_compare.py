"""Two results: ratios, what counts as worse, and exit codes for CI."""

from __future__ import annotations

from pathlib import Path

import pytest

from sipua.bench import command
from sipua.bench.report import compare, html, text
from sipua.bench.results.result import (
    Cost,
    Machine,
    Process,
    Result,
    Setup,
    Spread,
    Step,
    Uplink,
    Verdict,
    to_json,
)
from sipua.bench.results.soak import Slope
from sipua.process.exits import Exit
from support.soaks import result_of, soak


def result(p50: float = 0.2, p99: float = 1.0, worst: float = 5.0, **changes: object) -> Result:
    fields: dict[str, object] = {
        "kind": "capture",
        "made_at": "2026-01-01T00:00:00+00:00",
        "command": "sipua bench capture x.pcap",
        "calls": 1,
        "seconds": 10.0,
        "engine": "local",
        "machine": Machine("cpu", 2, "6.1", "3.11", 0.1, 0.1),
        "verdict": Verdict("good", "good", ""),
        "uplink": Uplink(socket_to_sent_ms=Spread(100, p50, p99, p99, worst)),
        "cost": Cost(cpu_percent_per_call=0.4, memory_mb=60.0),
    }
    return Result(**(fields | changes))  # type: ignore[arg-type]


def save(folder: Path, name: str, made: Result) -> Path:
    path = folder / name
    path.write_bytes(to_json(made))
    return path


def run(folder: Path, before: Result, after: Result, *options: str) -> int:
    first, second = save(folder, "a.json", before), save(folder, "b.json", after)
    return command.run(["compare", str(first), str(second), *options])


def test_ratios_in_words(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(tmp_path, result(), result(p99=2.5)) == Exit.OK
    text = capsys.readouterr().out
    line = next(line for line in text.splitlines() if "in order, p99" in line)
    assert line.split()[-4:] == ["1.000", "2.500", "2.50", "worse"]


def test_worse_than_allowed_fails(tmp_path: Path) -> None:
    assert run(tmp_path, result(), result(p99=1.3), "--fail-above", "1.2") == Exit.UNFIT
    assert run(tmp_path, result(), result(p99=1.3), "--fail-above", "1.4") == Exit.OK
    assert run(tmp_path, result(p99=1.3), result(), "--fail-above", "1.2") == Exit.OK


def test_chance_does_not_fail(tmp_path: Path) -> None:
    """A maximum is one unlucky moment, and a few microseconds double by themselves."""
    assert run(tmp_path, result(), result(worst=50), "--fail-above", "1.2") == Exit.OK
    assert run(tmp_path, result(p50=0.02), result(p50=0.1), "--fail-above", "1.2") == Exit.OK


def test_more_calls_held_is_better(tmp_path: Path) -> None:
    load = {"kind": "load"}
    fewer, more = result(**load, holds_calls=100), result(**load, holds_calls=150)
    assert run(tmp_path, fewer, more, "--fail-above", "1.2") == Exit.OK
    assert run(tmp_path, more, fewer, "--fail-above", "1.2") == Exit.UNFIT


def test_from_nothing_to_something() -> None:
    change = compare.Change("x", "%", 0.0, 1.0, judged=True)
    assert change.ratio == float("inf")
    assert change.worse_than(10)
    assert compare.Change("x", "%", 0.0, 0.0, judged=True).ratio == 1.0


def test_differences_that_explain_it_are_told(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    busy = Machine("another", 2, "6.1", "3.11", 3.0, 3.0)
    run(tmp_path, result(), result(calls=100, machine=busy))
    text = capsys.readouterr().out
    assert "note: different calls: 1 and 100" in text
    assert "note: different processors: cpu and another" in text
    assert "note: the second was measured on a busy machine (load 3.0 on 2 cores)" in text


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"", "not JSON"),
        (b"\xff\xfe", "not JSON"),
        (b"[]", "not a result of `sipua bench"),
        (b'{"schema": 1}', "not a result of `sipua bench"),
        (b'{"schema": "sipua-bench/99"}', "this version reads sipua-bench/1"),
        (b'{"schema": "sipua-bench/1"}', "missing required field `kind`"),
    ],
)
def test_what_is_no_result_is_one_clear_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], content: bytes, words: str
) -> None:
    good, other = save(tmp_path, "a.json", result()), tmp_path / "b.json"
    other.write_bytes(content)
    assert command.run(["compare", str(good), str(other)]) == Exit.USAGE
    error = capsys.readouterr().err
    assert error.startswith(f"sipua: {other}: ")
    assert words in error
    assert error.count("\n") == 1


def test_a_missing_file_and_two_kinds(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    good = save(tmp_path, "a.json", result())
    assert command.run(["compare", str(good), str(tmp_path / "no.json")]) == Exit.USAGE
    assert "no.json: No such file" in capsys.readouterr().err
    step = Step(1, 1, Spread(), Spread(), Spread(), 1, 1, 1, 0, 0, holds=True)
    assert run(tmp_path, result(), result(kind="load", steps=(step,))) == Exit.USAGE
    assert "one result is of `bench capture`" in capsys.readouterr().err


def test_soaks_are_compared_by_what_surely_grows(tmp_path: Path) -> None:
    flat, leaky = result_of(soak()), result_of(soak("grows", slopes=(LEAK,)))
    assert run(tmp_path, flat, flat, "--fail-above", "1.2") == Exit.OK
    assert run(tmp_path, flat, leaky, "--fail-above", "1.2") == Exit.UNFIT
    assert run(tmp_path, leaky, flat, "--fail-above", "1.2") == Exit.OK


def test_a_failed_call_of_a_soak_is_worse_than_none(tmp_path: Path) -> None:
    lost = result_of(soak(completed=1999, faults={"INVITE: 503": 1}))
    assert run(tmp_path, result_of(soak()), lost, "--fail-above", "1.2") == Exit.UNFIT


def test_processes_of_a_load_are_compared_one_by_one(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before, after = load_of(40.0), load_of(60.0)
    assert run(tmp_path, before, after, "--fail-above", "1.2") == Exit.UNFIT
    lines = capsys.readouterr().out.splitlines()
    assert any("worker 1, per call and frame" in line and "WORSE" in line for line in lines)
    assert not any("callers" in line for line in lines)


LEAK = Slope("edge", "pss_mb", 5.0, 4.0, 6.0, "grows")


def load_of(worker_percent: float) -> Result:
    processes = (
        Process("edge", 2, 0, 3.0, 0.0, 80.0),
        Process("worker 1", 2, 100, worker_percent, 2 * worker_percent, 120.0),
        Process("callers", 2, 0, 30.0, 0.0, 60.0),
    )
    step = Step(
        calls=100,
        seconds=10.0,
        mouth_to_engine_ms=Spread(),
        engine_to_ear_ms=Spread(),
        spacing_error_ms=Spread(),
        cpu_percent=worker_percent + 3,
        cpu_percent_per_call=(worker_percent + 3) / 100,
        memory_mb=200.0,
        failed_calls=0,
        lost=0,
        holds=True,
        processes=processes,
    )
    return result(kind="load", calls=100, steps=(step,), workers=1)


def load(p50: float) -> Result:
    setup = Setup(Spread(50, 1.0, 2.0, 2.0, 3.0), Spread(50, p50, 9.0, 9.5, 12.0))
    step = Step(50, 5, Spread(), Spread(), Spread(), 20, 0.4, 100, 0, 0, holds=True, setup=setup)
    return result(kind="load", calls=50, setup=setup, steps=(step,))


def test_the_set_up_of_calls_is_compared(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(tmp_path, load(2.0), load(4.0), "--fail-above", "1.2") == Exit.UNFIT
    lines = capsys.readouterr().out.splitlines()
    (line,) = [line for line in lines if line.startswith("INVITE → 200, p50 (ms)")]
    assert line.split()[-6:-2] == ["2.000", "4.000", "2.00", "WORSE"]
    assert any(line.startswith("INVITE → 180, p99 (ms)") for line in lines)


def test_the_set_up_of_calls_is_in_both_reports() -> None:
    words = text.render(load(2.5))
    assert "INVITE → 180" in words
    assert "200 p50   2.5 ms, p99   9.5 ms" in words
    page = html.render(load(2.5), None)
    assert "INVITE → 200" in page
    assert "<td>1.0 ms</td><td>2.0 ms</td><td>2.5 ms</td><td>9.5 ms</td>" in page


def test_a_result_from_before_there_were_set_ups_is_read(tmp_path: Path) -> None:
    old = to_json(load(2.0)).decode().replace('"setup"', '"something_else"')
    path = tmp_path / "old.json"
    path.write_text(old)
    assert command.run(["compare", str(path), str(path)]) == Exit.OK
