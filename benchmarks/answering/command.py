"""`sipua bench answering`: the verdicts on a corpus made for them."""

from __future__ import annotations

from pathlib import Path

from sipua.bench.answering import corpus, judge, speaker
from sipua.bench.answering.recordings import recorded_kinds
from sipua.bench.common.errors import BenchError
from sipua.process.exits import Exit


def run_answering(calls: int, seed: int, *, train: bool, recorded: Path | None) -> int:
    """`recorded`: where recorded voices are; None: voices are made."""
    if not 20 <= calls <= 100_000:
        raise BenchError(f"--calls {calls}: from 20 to 100000")
    if recorded is None:
        speaker.check()
        kinds = corpus.KINDS
    else:
        kinds = recorded_kinds(recorded)
    samples = corpus.samples("train" if train else "test", calls, seed, kinds)
    found = judge.figures(samples)
    print(judge.render(found, kinds))
    if train:
        print(f"\nright, by the cause of the first verdict:\n{judge.by_cause(found)}")
    return Exit.OK
