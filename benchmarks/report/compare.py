"""`sipua bench compare A B`: what became slower or faster, as ratios; an exit code for CI."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from sipua.bench.common.errors import BenchError
from sipua.bench.report.text import stages
from sipua.bench.results.result import Result
from sipua.bench.results.soak import FIGURES, Slope, Soak

# A stage of a few microseconds doubles by chance: below this much more it is not called slower.
NOISE_MS = 0.1
_MARK_UP, _MARK_DOWN = 1.1, 1 / 1.1


@dataclass(frozen=True, slots=True)
class Change:
    """One figure in both results; more is worse."""

    name: str
    unit: str
    before: float
    after: float
    judged: bool
    """Whether it may fail a comparison; a maximum is one unlucky moment, and may not."""

    @property
    def ratio(self) -> float:
        if self.before == self.after:
            return 1.0
        return self.after / self.before if self.before else float("inf")

    def worse_than(self, limit: float) -> bool:
        floor = NOISE_MS if self.unit == "ms" else 0.0
        return self.judged and self.ratio > limit and self.after - self.before > floor


def changes(before: Result, after: Result) -> list[Change]:
    """Raises BenchError when the two cannot be compared."""
    if before.kind != after.kind:
        raise BenchError(f"one result is of `bench {before.kind}`, the other of `{after.kind}`")
    return list(_changes(before, after))


def _changes(before: Result, after: Result) -> Iterator[Change]:
    if before.soak is not None and after.soak is not None:
        yield from _soaks(before.soak, after.soak)
        return
    new = dict(stages(after))
    for name, old in stages(before):
        if name in new:
            for point, judged in (("p50", True), ("p99", True), ("max", False)):
                yield Change(
                    f"{name}, {point}", "ms", getattr(old, point), getattr(new[name], point), judged
                )
    yield Change(
        "processor per call",
        "%",
        before.cost.cpu_percent_per_call,
        after.cost.cpu_percent_per_call,
        judged=True,
    )
    yield Change("memory", "MB", before.cost.memory_mb, after.cost.memory_mb, judged=True)
    yield from _processes(before, after)
    if before.quality is not None and after.quality is not None:
        loss = before.quality.loss_percent, after.quality.loss_percent
        yield Change("missing when their turn came", "%", *loss, judged=True)
    if before.holds_calls and after.holds_calls:
        # Turned round, so that here too more is worse.
        share = 100 / before.holds_calls, 100 / after.holds_calls
        yield Change("share of this machine per call", "%", *share, judged=True)


def _processes(before: Result, after: Result) -> Iterator[Change]:
    """What each process of the edge takes, when both are of one load."""
    steps = [step.processes if step else () for step in (before.last_step, after.last_step)]
    old, new = ({process.name: process for process in step} for step in steps)
    for name in old:
        if name in new and name.startswith(("edge", "worker")):
            yield Change(
                f"{name}, processor",
                "%",
                old[name].cpu_percent,
                new[name].cpu_percent,
                judged=old[name].calls == new[name].calls,
            )
            if old[name].calls and new[name].calls:
                each = old[name].cpu_us_per_frame, new[name].cpu_us_per_frame
                yield Change(f"{name}, per call and frame", "µs", *each, judged=True)


def _soaks(before: Soak, after: Soak) -> Iterator[Change]:
    """Slopes, each as far as it is sure: noise below that is no change."""
    failed = before.calls_total - before.completed, after.calls_total - after.completed
    yield Change("failed calls", "", *failed, judged=True)
    new = {(slope.process, slope.figure): slope for slope in after.slopes}
    for slope in before.slopes:
        other = new.get((slope.process, slope.figure))
        if other is not None:
            yield Change(
                f"{slope.process}, {FIGURES[slope.figure]}",
                "/1000 calls",
                sure(slope),
                sure(other),
                judged=True,
            )
    rest = {(rest.process, rest.figure): rest for rest in after.rests}
    for one in before.rests:
        if (there := rest.get((one.process, one.figure))) is not None and one.figure == "pss_mb":
            yield Change(
                f"{one.process}, memory at rest", "MB", one.after, there.after, judged=True
            )


def sure(slope: Slope) -> float:
    """What grows at least; 0: nothing, as far as is sure."""
    return max(slope.low, 0.0) if slope.growth == "grows" else 0.0


def warnings(before: Result, after: Result) -> Iterator[str]:
    """Why the two may differ although the code is the same."""
    for name, old, new in (
        ("calls", before.calls, after.calls),
        ("recordings", before.source and before.source.file, after.source and after.source.file),
        (
            "impairments",
            before.source and before.source.impairment,
            after.source and after.source.impairment,
        ),
        ("processors", before.machine.cpu, after.machine.cpu),
        ("arithmetic", before.machine.audio, after.machine.audio),
        ("engines", before.engine, after.engine),
        ("probes", before.cost.probes, after.cost.probes),
        ("workers", before.workers, after.workers),
        ("lengths of calls", before.soak and before.soak.call_s, after.soak and after.soak.call_s),
        ("calls a second", before.soak and before.soak.cps, after.soak and after.soak.cps),
    ):
        if old != new:
            yield f"different {name}: {old or 'none'} and {new or 'none'}"
    for name, result in (("first", before), ("second", after)):
        load = result.machine.load_before / result.machine.cores
        if load > 0.5:
            yield (
                f"the {name} was measured on a busy machine "
                f"(load {result.machine.load_before:.1f} on {result.machine.cores} cores)"
            )


def render(found: list[Change], fail_above: float | None) -> str:
    lines = [f"{'':<38}{'before':>12}{'after':>12}{'ratio':>9}"]
    for change in found:
        ratio = change.ratio
        mark = " worse" if ratio > _MARK_UP else " better" if ratio < _MARK_DOWN else ""
        if fail_above is not None and change.worse_than(fail_above):
            mark = f" WORSE than {fail_above:g}"
        values = "".join(f"{value:>12.3f}" for value in (change.before, change.after))
        lines.append(f"{_title(change):<38}{values}{ratio:>9.2f}{mark}")
    return "\n".join(lines)


def _title(change: Change) -> str:
    return f"{change.name} ({change.unit})" if change.unit else change.name
