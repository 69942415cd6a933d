"""Looks for the rule of `bridge/answering/detector.py` on the training half, and prints the best.

    python -m sipua.bench.answering.fit

The score is what matters to those who call: a person who is taken for a machine is hung up on, and
counts twice; a machine that is taken for a person hears the agent talk. Persons who wait for the
agent for more than a second cost a little.
"""

from __future__ import annotations

import itertools
import sys
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from sipua.bench.answering import corpus
from sipua.bench.answering.corpus import Sample
from sipua.bridge.answering.detector import AnswerDetector, Rule

COUNT, SEED = 900, 1
_NEVER = 10_000_000
_DUMB = Rule(silence_ms=_NEVER, machine_ms=_NEVER, no_sound_ms=_NEVER, limit_ms=_NEVER)


@dataclass(frozen=True, slots=True)
class Trace:
    """What speech told of one sample, frame by frame, until tones had decided it."""

    person: bool
    said_until_ms: int
    span_ms: NDArray[np.int64]
    pause_ms: NDArray[np.int64]
    speaking: NDArray[np.bool_]


def main() -> None:
    traces = [_trace(one) for one in corpus.samples("train", COUNT, SEED) if _is_speech(one)]
    silences, per_s, machines = range(400, 901, 50), range(0, 501, 50), range(2000, 4401, 200)
    rules = itertools.product(silences, per_s, machines)
    rows = [(*_score(traces, *rule), *rule) for rule in rules]
    for row in sorted(rows, reverse=True)[:15]:
        words = (
            "{:.4f} persons {:.3f} machines {:.3f} wait {:.2f} s: silence_ms={} per_s={} machine={}"
        )
        sys.stdout.write(words.format(*row) + "\n")


def _is_speech(sample: Sample) -> bool:
    names = ("busy tone", "announcement (SIT)", "person behind ring-back")
    return bool(sample.kind.first & {"person", "machine"}) and sample.kind.name not in names


def _trace(sample: Sample) -> Trace:
    detector = AnswerDetector(_DUMB)
    rows: list[tuple[int, int, bool]] = []
    for frame in sample.frames:
        detector.feed(frame)
        if detector.verdict is not None:
            break
        rows.append((detector.spoken_ms, detector.pause_ms, detector.speaking))
    spans, pauses, speaking = zip(*rows, strict=True)
    person = "person" in sample.kind.first
    return Trace(
        person, sample.said_until_ms, np.array(spans), np.array(pauses), np.array(speaking)
    )


def _score(
    traces: list[Trace], silence_ms: int, per_s_ms: int, machine_ms: int
) -> tuple[float, float, float, float]:
    right: dict[bool, list[bool]] = {True: [], False: []}
    waits_s = []
    for trace in traces:
        needed = silence_ms + per_s_ms * trace.span_ms / 1000
        person_at = _first((trace.pause_ms > 0) & (trace.pause_ms >= needed))
        machine_at = _first(trace.speaking & (trace.span_ms >= machine_ms))
        taken = person_at < machine_at
        right[trace.person].append(taken == trace.person)
        if taken and trace.person:
            waits_s.append((person_at * 20 - trace.said_until_ms) / 1000)
    persons, machines = float(np.mean(right[True])), float(np.mean(right[False]))
    wait_s = float(np.mean(waits_s)) if waits_s else 9.0
    return (2 * persons + machines) / 3 - 0.03 * max(0.0, wait_s - 0.9), persons, machines, wait_s


def _first(where: NDArray[np.bool_]) -> int:
    return int(where.argmax()) if where.any() else _NEVER


if __name__ == "__main__":
    main()
