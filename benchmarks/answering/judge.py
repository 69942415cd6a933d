"""What the detector makes of the corpus: the confusion matrix, times, beeps, cost."""

from __future__ import annotations

import time
from collections import Counter, defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from statistics import median

from sipua.bench.answering.corpus import KINDS, Kind, Sample
from sipua.bridge.answering.detector import RULE, AnswerDetector, Rule
from sipua.bridge.answering.verdict import VERDICTS, AnsweredBy, Beep, Cause, Verdict

_BEEP_FROM_MS = 200
"""A beep is found when its end is told at most so far from where it is."""


@dataclass(slots=True)
class Judged:
    """What was heard in one sample."""

    first: AnsweredBy | None
    last: Verdict
    beeps: list[Beep]


@dataclass(slots=True)
class Figures:
    first: dict[str, Counter[Verdict]] = field(default_factory=lambda: defaultdict(Counter))
    """The first verdict, by kind."""
    last: dict[str, Counter[Verdict]] = field(default_factory=lambda: defaultdict(Counter))
    causes: dict[Cause, list[bool]] = field(default_factory=lambda: defaultdict(list))
    """Whether the first verdict was right, by its cause."""
    waits_ms: list[int] = field(default_factory=list)
    """Of persons that were found: from the end of the greeting to the verdict."""
    machine_ms: list[int] = field(default_factory=list)
    beeps: Counter[str] = field(default_factory=Counter)
    beep_late_ms: list[int] = field(default_factory=list)
    frames: int = 0
    seconds: float = 0.0

    def right(self, kinds: Sequence[Kind], *, last: bool = False) -> tuple[int, int]:
        """How many of these are right, of how many."""
        table = self.last if last else self.first
        good = sum(
            count
            for kind in kinds
            for verdict, count in table[kind.name].items()
            if verdict in (kind.last if last else kind.first)
        )
        return good, sum(table[kind.name].total() for kind in kinds)


def listen(sample: Sample, rule: Rule = RULE) -> Judged:
    detector = AnswerDetector(rule)
    verdicts: list[AnsweredBy] = []
    beeps: list[Beep] = []
    for frame in sample.frames:
        for found in detector.feed(frame):
            (beeps if isinstance(found, Beep) else verdicts).append(found)  # type: ignore[arg-type]
    last: Verdict = verdicts[-1].verdict if verdicts else "unknown"
    return Judged(verdicts[0] if verdicts else None, last, beeps)


def figures(samples: Iterable[Sample], rule: Rule = RULE) -> Figures:
    found = Figures()
    for sample in samples:
        began = time.process_time()
        judged = listen(sample, rule)
        found.seconds += time.process_time() - began
        found.frames += len(sample.frames)
        _count(found, sample, judged)
    return found


def _count(found: Figures, sample: Sample, judged: Judged) -> None:
    kind, first = sample.kind, judged.first
    found.first[kind.name][first.verdict if first else "unknown"] += 1
    found.last[kind.name][judged.last] += 1
    if first is not None:
        found.causes[first.cause].append(first.verdict in kind.first)
        if first.verdict == "person" and sample.said_until_ms:
            found.waits_ms.append(first.ms - sample.said_until_ms)
        elif first.cause == "long_speech":
            found.machine_ms.append(first.ms)
    right = [beep for beep in judged.beeps if abs(beep.at_ms - sample.beep_ms) <= _BEEP_FROM_MS]
    if sample.beep_ms:
        found.beeps["found" if right else "missed"] += 1
        found.beep_late_ms += [beep.at_ms - sample.beep_ms for beep in right[:1]]
    found.beeps["false"] += len(judged.beeps) - len(right[:1] if sample.beep_ms else [])


def render(found: Figures, kinds: Sequence[Kind] = KINDS) -> str:
    """As the command prints it."""
    lines = ["The first verdict, by which the call goes on:", ""]
    lines += _matrix(found, kinds, last=False)
    lines += ["", "The last verdict, when a beep may have come:", ""]
    lines += _matrix(found, kinds, last=True)
    persons = [kind for kind in kinds if "person" in kind.first]
    others = [kind for kind in kinds if kind not in persons]
    machines = [kind for kind in others if "machine" in kind.first]
    taken = sum(found.first[kind.name]["person"] for kind in others)
    lines += [
        "",
        _share("persons that are taken for persons", *found.right(persons)),
        _share("machines that are taken for machines", *found.right(machines)),
        _share("others that are taken for persons", taken, found.right(others)[1]),
        _share("right in all, first verdict", *found.right(kinds)),
        _share("right in all, last verdict", *found.right(kinds, last=True)),
        _share("beeps found", found.beeps["found"], found.beeps["found"] + found.beeps["missed"])
        + f"; {found.beeps['false']} where there was none",
        _times("from the end of a person's greeting to the verdict", found.waits_ms),
        _times("from the answer to `machine` by its speech", found.machine_ms),
        f"cost: {found.seconds / max(1, found.frames) * 1e6:.0f} µs for each frame of 20 ms",
    ]
    return "\n".join(lines)


def by_cause(found: Figures) -> str:
    return "\n".join(
        f"{cause:16} {sum(right) / len(right):.2f} of {len(right)}"
        for cause, right in sorted(found.causes.items())
    )


def _matrix(found: Figures, kinds: Sequence[Kind], *, last: bool) -> list[str]:
    table = found.last if last else found.first
    shown = [one for one in VERDICTS if any(table[kind.name][one] for kind in kinds)]
    wide = max(len(kind.name) for kind in kinds)
    lines = [f"{'':{wide}}" + "".join(f"{name:>11}" for name in shown) + f"{'right':>9}"]
    for kind in kinds:
        counts = table[kind.name]
        good, all_ = found.right([kind], last=last)
        row = "".join(f"{counts[name] or '.':>11}" for name in shown)
        lines.append(f"{kind.name:{wide}}{row}{good / max(1, all_):>9.1%}")
    return lines


def _share(what: str, good: int, of: int) -> str:
    return f"{what}: {good / max(1, of):.1%} ({good} of {of})"


def _times(what: str, times_ms: list[int]) -> str:
    if not times_ms:
        return f"{what}: none"
    times_ms = sorted(times_ms)
    p95 = times_ms[min(len(times_ms) - 1, round(0.95 * len(times_ms)))]
    return f"{what}: p50 {median(times_ms):.0f} ms, p95 {p95} ms"
