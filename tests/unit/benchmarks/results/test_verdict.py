"""Words and grades: an edge is judged by what it adds, a line by what was fed to it."""

import msgspec
import pytest

from sipua.bench.results.result import (
    Check,
    Cost,
    Downlink,
    Health,
    Machine,
    Quality,
    Result,
    Source,
    Spread,
    Step,
    Uplink,
    Verdict,
)
from sipua.bench.results.verdict import judge, ms, worst

MACHINE = Machine("some cpu", 2, "6.1", "3.11", 0.1, 0.2)


def result(
    *,
    p50: float = 0.1,
    p99: float = 1.0,
    spacing: float = 0.5,
    calls: int = 100,
    cpu: float = 0.4,
    mos: float = 4.4,
    loss: float = 0.0,
    health: Health | None = None,
) -> Result:
    return Result(
        kind="capture",
        made_at="",
        command="",
        calls=calls,
        seconds=10,
        engine="local",
        machine=MACHINE,
        verdict=Verdict("unknown", "unknown", ""),
        uplink=Uplink(socket_to_sent_ms=Spread(1000, p50, p99, p99, p99)),
        downlink=Downlink(
            spacing_error_ms=Spread(1000, 0.1, spacing, spacing, spacing),
            delta_to_packet_ms=Spread(5, 0.3, 0.4, 0.5, 0.5),
        ),
        quality=Quality(mos, 2.5, 80, 30, loss, 1.0),
        cost=Cost(cpu_percent=cpu * calls, cpu_percent_per_call=cpu),
        health=health or Health(),
    )


def by_name(verdict: Verdict) -> dict[str, Check]:
    return {check.name: check for check in verdict.checks}


def test_all_good() -> None:
    verdict = judge(result())
    assert (verdict.edge, verdict.line) == ("good", "good")
    assert verdict.sentence.startswith("Good: the edge adds next to nothing. A packet in order")
    assert {check.grade for check in verdict.checks} == {"good"}


@pytest.mark.parametrize(
    ("made", "name", "grade"),
    [
        (result(p50=0.7), "packets in order", "fair"),
        (result(p99=3.5), "packets in order", "fair"),
        (result(p99=11.0), "packets in order", "bad"),
        (result(spacing=1.6), "evenness of our RTP", "fair"),
        (result(spacing=5.1), "evenness of our RTP", "bad"),
        (result(cpu=0.6), "processor", "fair"),
        (result(cpu=1.1), "processor", "bad"),
        (result(health=Health(dropped_audio=1)), "nothing lost inside", "bad"),
        (result(health=Health(failed_calls=2)), "nothing lost inside", "bad"),
    ],
)
def test_each_limit(made: Result, name: str, grade: str) -> None:
    verdict = judge(made)
    check = by_name(verdict)[name]
    assert check.grade == grade == verdict.edge
    assert check.words in verdict.sentence


def test_few_calls_do_not_judge_the_processor() -> None:
    verdict = judge(result(calls=1, cpu=2.5))
    assert by_name(verdict)["processor"].grade == "unknown"
    assert verdict.edge == "good"


def test_a_bad_line_is_not_the_edge_s_fault() -> None:
    verdict = judge(result(loss=9.5))
    assert (verdict.edge, verdict.line) == ("good", "bad")
    assert "no edge can mend that" in verdict.sentence
    assert "9.5 %" in by_name(verdict)["the line"].words


def test_a_slow_machine_is_not_the_line_s_fault() -> None:
    verdict = judge(result(p50=90, p99=800, mos=1.3))
    assert (verdict.edge, verdict.line) == ("bad", "good")


def test_a_busy_machine_is_named_before_the_edge_is_blamed() -> None:
    verdict = judge(result(spacing=9.0, health=Health(generator_late_ms=31.0)))
    assert "our own sender was up to 31.0 ms late" in verdict.sentence
    assert "our own sender" not in judge(result(spacing=9.0)).sentence


@pytest.mark.parametrize(("holds", "grade"), [(125, "good"), (0, "bad")])
def test_a_stepped_load_is_judged_by_what_it_holds(holds: int, grade: str) -> None:
    spread = Spread(1, 1, 1, 1, 1)
    step = Step(150, 5, spread, spread, spread, 1, 1, 1, 0, 0, holds=False, why="it broke")
    made = msgspec.structs.replace(result(spacing=9), holds_calls=holds, steps=(step,))
    verdict = judge(made)
    assert verdict.edge == grade
    assert verdict.sentence.endswith("At 150 calls it broke.")
    assert ("125 calls" in verdict.sentence) == bool(holds)


def test_the_worst_grade_counts() -> None:
    assert worst(["good", "bad", "fair"]) == "bad"
    assert worst(["unknown", "good"]) == "good"
    assert worst([]) == "unknown"


def test_milliseconds_with_the_digits_that_mean_something() -> None:
    assert [ms(value) for value in (0.0, 0.083, 3.14, 227.4)] == [
        "0.0 ms",
        "0.08 ms",
        "3.1 ms",
        "227 ms",
    ]


def test_at_another_speed_the_line_is_not_judged() -> None:
    source = Source("a.pcap", 1, "PCMU", 20, 100, 2.0, 0, 0.1, speed=4)
    verdict = judge(msgspec.structs.replace(result(loss=45, mos=1.2), source=source))
    assert (verdict.edge, verdict.line) == ("good", "unknown")
    checks = by_name(verdict)
    assert "played at 4 times its speed" in checks["the line"].words
    assert checks["start of an answer"].grade == "unknown"
