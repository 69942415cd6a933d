"""A result on a terminal: the verdict first, then what it rests on."""

from __future__ import annotations

from collections.abc import Iterator

from sipua.bench.results.result import Downlink, Grade, Result, Setup, Spread, Uplink
from sipua.bench.results.soak import Life, Soak, Watched
from sipua.bench.results.verdict import BUSY_MS, ms

_MARKS: dict[Grade, str] = {"good": "+", "fair": "~", "bad": "!", "unknown": " "}
SETUP_STAGES = (
    ("invite_to_180_ms", "INVITE → 180"),
    ("invite_to_200_ms", "INVITE → 200"),
)
UPLINK_STAGES = (
    ("socket_to_read_ms", "socket → read"),
    ("read_to_parsed_ms", "read → parsed"),
    ("parsed_to_released_ms", "parsed → released"),
    ("released_to_decoded_ms", "released → decoded"),
    ("decoded_to_resampled_ms", "decoded → resampled"),
    ("resampled_to_sent_ms", "resampled → sent"),
    ("socket_to_sent_ms", "socket → sent, in order"),
    ("held_socket_to_sent_ms", "socket → sent, held"),
    ("mouth_to_engine_ms", "mouth → engine"),
)
DOWNLINK_STAGES = (
    ("message_to_audio_ms", "message → audio"),
    ("audio_to_encoded_ms", "audio → encoded"),
    ("delta_to_packet_ms", "first delta → packet"),
    ("engine_to_ear_ms", "engine → ear"),
    ("spacing_error_ms", "spacing error of our RTP"),
)


def stages(result: Result) -> Iterator[tuple[str, Spread]]:
    """What was measured, in the order of the path."""
    parts: tuple[tuple[Setup | Uplink | Downlink, tuple[tuple[str, str], ...]], ...] = (
        (result.setup, SETUP_STAGES),
        (result.uplink, UPLINK_STAGES),
        (result.downlink, DOWNLINK_STAGES),
    )
    for part, names in parts:
        for name, words in names:
            spread: Spread = getattr(part, name)
            if spread.count:
                yield words, spread


def render(result: Result) -> str:
    return "\n".join([*_head(result), "", *_table(result), *_rest(result), ""])


def _head(result: Result) -> Iterator[str]:
    yield result.verdict.sentence
    yield ""
    for check in result.verdict.checks:
        yield f"  {_MARKS[check.grade]} {check.name + ':':<23}{check.words}"


def _table(result: Result) -> Iterator[str]:
    rows = list(stages(result))
    if not rows:
        return
    yield f"{'milliseconds':<26}{'p50':>10}{'p95':>10}{'p99':>10}{'max':>10}{'count':>10}"
    for words, spread in rows:
        figures = "".join(
            f"{value:>10.3f}" for value in (spread.p50, spread.p95, spread.p99, spread.max)
        )
        yield f"{words:<26}{figures}{spread.count:>10}"


def _rest(result: Result) -> Iterator[str]:
    reorder, cost, health, machine = result.reorder, result.cost, result.health, result.machine
    yield ""
    if result.source is not None:
        source = result.source
        yield (
            f"played      {source.file}, stream {source.stream}: {source.codec} "
            f"{source.ptime_ms:g} ms, {source.duration_s:.1f} s"
            + (f", with {source.impairment}" if source.impairment else "")
            + (f", at {source.speed:g} times its speed" if source.speed != 1 else "")
        )
        yield (
            f"packets     {reorder.received} of {reorder.expected}; lost {reorder.lost}, late "
            f"{reorder.late}, duplicate {reorder.duplicates}, out of order {reorder.reordered}"
        )
        yield (
            f"held        {reorder.held} (until the gap was filled {reorder.held_until_filled}, "
            f"given up {reorder.held_until_given_up}); at most {reorder.max_depth} at a time"
        )
        yield (
            f"made up     {reorder.concealed_ms} ms concealed, {reorder.silence_fed_ms} ms of "
            "silence in pauses"
        )
        if reorder.digits:
            yield f"digits      {reorder.digits}"
        if reorder.refused:
            refused = ", ".join(f"{count} {why}" for why, count in reorder.refused.items())
            yield f"refused     {refused}"
    for step in result.steps:
        answered = step.setup.invite_to_200_ms
        yield (
            f"{step.calls:>5} calls  200 p50 {ms(answered.p50):>8}, p99 {ms(answered.p99):>8}; "
            f"up p99 {ms(step.mouth_to_engine_ms.p99):>8}, spacing p99 "
            f"{ms(step.spacing_error_ms.p99):>8}, {step.cpu_percent:5.1f} % of a core, "
            f"{step.memory_mb:.0f} MB: {'holds' if step.holds else 'does not hold, ' + step.why}"
        )
    if result.soak is not None:
        yield from _soak(result.soak)
    elif result.life is not None:
        yield from _life(result.life)
    else:
        yield from _processes(result)
        yield (
            f"edge        {cost.cpu_percent:.1f} % of a core, {cost.cpu_us_per_frame:.0f} µs per "
            f"call and frame, {cost.memory_mb:.0f} MB"
            + (" (its probes included)" if cost.probes else "")
        )
    yield (
        f"machine     {machine.cores} × {machine.cpu}, Linux {machine.kernel}, Python "
        f"{machine.python}, audio by {machine.audio or 'numpy'}; load {machine.load_before:.1f} "
        f"before, {machine.load_after:.1f} after"
    )
    if health.generator_late_ms > BUSY_MS:
        yield (
            f"            our own sender was up to {health.generator_late_ms:.0f} ms late: the "
            "tails are not the edge's alone"
        )


def _processes(result: Result) -> Iterator[str]:
    """Of the step that the other figures are of."""
    step = result.last_step
    for process in step.processes if step else ():
        yield (
            f"{process.name:<12}{process.cpu_percent:.1f} % of a core"
            + (
                f", {process.calls} calls, {process.cpu_us_per_frame:.0f} µs per call and frame"
                if process.calls
                else ""
            )
            + f", {process.memory_mb:.0f} MB"
        )
    if step and step.processes and result.pinned:
        yield f"cores       {result.pinned}"


def _soak(soak: Soak) -> Iterator[str]:
    yield (
        f"calls       {soak.completed} of {soak.calls_total} went well; {soak.cps:g} a second, "
        f"{soak.call_s:g} s each, up to {max(soak.up, default=0)} at once"
    )
    yield from _faults(soak)


def _life(life: Life) -> Iterator[str]:
    yield (
        f"calls       {life.well} of {life.begun} went well, up to {max(life.up, default=0)} at "
        "once; " + ", ".join(f"{begun} {name}" for name, (begun, _, _) in life.kinds.items())
    )
    yield "happened    " + ", ".join(f"{count} × {name}" for name, count in life.happened.items())
    yield from _faults(life)


def _faults(watched: Watched) -> Iterator[str]:
    for name, count in watched.faults.items():
        yield f"fault       {count} × {name}"
    for name, count in watched.logged.items():
        yield f"logged      {count} × {name}"
