"""Is this good, and why: the limits, and the words that go with them.

`edge` is what this software on this machine adds; `line` is what was fed to it. An edge is not bad
because the recording is of a bad line, and a good edge does not make the line good.
"""

from __future__ import annotations

from collections.abc import Iterable

from sipua.bench.results import emodel, soak_verdict
from sipua.bench.results.result import Check, Grade, Result, Spread, Verdict

_ORDER: tuple[Grade, ...] = ("unknown", "good", "fair", "bad")

# Good up to the first, fair up to the second.
IN_ORDER_P50_MS = (0.5, 2.0)
IN_ORDER_P99_MS = (3.0, 10.0)
REPLY_P50_MS = (3.0, 10.0)
SPACING_P99_MS = (1.5, 5.0)
CPU_PERCENT_PER_CALL = (0.5, 1.0)
MOS_GOOD, MOS_FAIR = 4.0, 3.6
BUSY_MS = 5.0  # late by our own sender: then the tails are the machine's
COST_MEANS_SOMETHING_AT = 50  # calls; with few, waking up costs more than working


def judge(result: Result) -> Verdict:
    if result.soak is not None:
        return soak_verdict.judge(result.soak)
    if result.life is not None:
        return soak_verdict.judge_life(result.life)
    if result.holds_calls is not None:
        return _capacity(result, result.holds_calls)
    edge = [check for check in _edge_checks(result) if check is not None]
    line = _line_check(result)
    checks = (*edge, line) if line else tuple(edge)
    edge_grade = worst(check.grade for check in edge)
    line_grade = line.grade if line else "unknown"
    return Verdict(edge_grade, line_grade, _sentence(result, edge_grade, edge, line), checks)


def _capacity(result: Result, holds: int) -> Verdict:
    """Of a load that was stepped up. At its end the edge is at its limits, and need not be good."""
    found: Grade = "good" if holds else "bad"
    why = next((step for step in reversed(result.steps) if not step.holds), None)
    limit = f"At {why.calls} calls {why.why}." if why else "No more were tried."
    held = f"This machine holds {holds} calls." if holds else "This machine does not hold this."
    checks = (
        Check("capacity", found, f"{held} {limit}"),
        Check(
            "processor", "unknown", f"{result.cost.cpu_percent_per_call:.2f} % of a core per call"
        ),
        Check("memory", "unknown", f"{result.cost.memory_mb_per_call:.2f} MB per call"),
    )
    return Verdict(found, "unknown", f"{held} {limit}", checks)


def worst(grades: Iterable[Grade]) -> Grade:
    return max(grades, key=_ORDER.index, default="unknown")


def grade(value: float, limits: tuple[float, float]) -> Grade:
    return "good" if value <= limits[0] else "fair" if value <= limits[1] else "bad"


def ms(value: float) -> str:
    """As many digits as mean something."""
    if value and abs(value) < 0.995:
        return f"{value:.2f} ms"
    return f"{value:.1f} ms" if abs(value) < 99.5 else f"{value:.0f} ms"


def _edge_checks(result: Result) -> list[Check | None]:
    return [
        _in_order(result.uplink.socket_to_sent_ms),
        _reply(result),
        _spacing(result),
        _cost(result),
        _health(result),
    ]


def _in_order(spread: Spread) -> Check | None:
    if not spread.count:
        return None
    found = worst((grade(spread.p50, IN_ORDER_P50_MS), grade(spread.p99, IN_ORDER_P99_MS)))
    return Check(
        "packets in order",
        found,
        f"{ms(spread.p50)} from the socket to the engine's websocket, 99 % within "
        f"{ms(spread.p99)}, worst {ms(spread.max)}",
    )


def _reply(result: Result) -> Check | None:
    spread = result.downlink.delta_to_packet_ms
    if not spread.count:
        return None
    if speed := _other_speed(result):
        # The engine answers in the caller's time; the answer before is still being said.
        return Check("start of an answer", "unknown", f"not judged: {speed}")
    return Check(
        "start of an answer",
        grade(spread.p50, REPLY_P50_MS),
        f"its first packet leaves {ms(spread.p50)} after the engine's first audio came "
        f"({spread.count} answers, worst {ms(spread.max)})",
    )


def _other_speed(result: Result) -> str:
    speed = result.source.speed if result.source else 1
    return "" if speed == 1 else f"played at {speed:g} times its speed"


def _spacing(result: Result) -> Check | None:
    spread = result.downlink.spacing_error_ms
    if not spread.count:
        return None
    drift = result.downlink.drift_ppm
    told = "" if drift is None else f"; the clock drifts by {drift:.0f} ppm"
    return Check(
        "evenness of our RTP",
        grade(spread.p99, SPACING_P99_MS),
        f"99 % of our packets are within {ms(spread.p99)} of their 20 ms, worst "
        f"{ms(spread.max)}{told}",
    )


def _cost(result: Result) -> Check | None:
    cost = result.cost
    if not cost.cpu_percent:
        return None
    words = f"{cost.cpu_percent_per_call:.2f} % of a core per call"
    if result.calls < COST_MEANS_SOMETHING_AT:
        return Check(
            "processor",
            "unknown",
            f"{words}, but with few calls most of it is waking up: --calls 100 tells",
        )
    limits = CPU_PERCENT_PER_CALL
    return Check("processor", grade(cost.cpu_percent_per_call, limits), words)


def _health(result: Result) -> Check:
    health = result.health
    wrong = [
        f"{count} {what}"
        for count, what in (
            (health.failed_calls, "calls failed"),
            (health.dropped_audio, "pieces of audio did not fit into the websocket"),
            (health.send_errors, "packets could not be sent"),
            (health.unpaired, "frames arrived at the engine changed, or not at all"),
        )
        if count
    ]
    if wrong:
        return Check("nothing lost inside", "bad", ", ".join(wrong))
    return Check("nothing lost inside", "good", "no audio dropped, every packet sent")


def _line_check(result: Result) -> Check | None:
    """By its losses alone: what delay there is beyond them, is the edge's and the machine's."""
    if speed := _other_speed(result):
        return Check(
            "the line", "unknown", f"not judged: {speed}; the losses above are not the line's"
        )
    quality = result.quality
    if quality is None:
        return None
    loss = quality.loss_percent / 100
    heard, silent = (
        emodel.mos(emodel.rating(0, loss, quality.burst_ratio, robustness))
        for robustness in (emodel.BPL_CONCEALED, emodel.BPL_SILENCE)
    )
    found: Grade = "good" if heard >= MOS_GOOD else "fair" if heard >= MOS_FAIR else "bad"
    if not quality.loss_percent:
        return Check("the line", found, f"nothing was lost; estimated MOS {heard:.2f}")
    return Check(
        "the line",
        found,
        f"{quality.loss_percent:.1f} % of the packets were missing when their turn came "
        f"(bursts {quality.burst_ratio:.1f} × random); concealed, the voice is estimated at MOS "
        f"{heard:.2f}; filled with silence it would be {silent:.2f}",
    )


_EDGE_WORDS = {
    "good": "Good: the edge adds next to nothing.",
    "fair": "Fair: the edge works, but not as well as it should.",
    "bad": "Bad: the edge, or this machine, spoils the call.",
    "unknown": "Nothing could be judged.",
}
_LINE_WORDS = {
    "good": "The line is good.",
    "fair": "The line is so-so.",
    "bad": "The line is bad, and no edge can mend that.",
    "unknown": "",
}


def _sentence(result: Result, found: Grade, edge: list[Check], line: Check | None) -> str:
    parts = [_EDGE_WORDS[found]]
    if found in ("fair", "bad"):
        blamed = [check for check in edge if check.grade == found]
        if result.health.generator_late_ms > BUSY_MS:
            parts.append(
                "Something else used this machine (our own sender was up to "
                f"{ms(result.health.generator_late_ms)} late): measure again when it is idle."
            )
        parts += [f"{check.name[0].upper()}{check.name[1:]}: {check.words}." for check in blamed]
    elif result.uplink.socket_to_sent_ms.count:
        spread = result.uplink.socket_to_sent_ms
        parts.append(
            f"A packet in order is on its way to the engine {ms(spread.p50)} after it came "
            f"(99 %: {ms(spread.p99)})."
        )
    if line is not None:
        parts.append(_LINE_WORDS[line.grade])
    return " ".join(part for part in parts if part)
