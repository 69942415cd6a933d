#!/usr/bin/env python3
"""What concealment is worth: speech through G.711 with losses, judged by PESQ (ITU-T P.862).

    pip install pesq && python benchmarks/experiments/concealment.py   the table of docs/media.md
    python benchmarks/experiments/concealment.py --seeds 5 --json concealment.json
    python benchmarks/experiments/concealment.py --speech telephone.wav --speech another.wav

Each sentence is cut in frames of 20 ms, frames are lost at random or in bursts, and what takes
their place is silence, the frame before, or our concealment. PESQ compares the result with the
sentence that was never encoded. Several seeds for each cell: a score depends on where a loss falls,
and a vowel is not a pause. The same losses for all three, so that differences are the method's.

PESQ is not a dependency of this project; it is built from source and needs a C compiler.
"""

import argparse
import json
import random
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from statistics import mean, stdev

import numpy as np

from sipua.bridge.playout import sounds
from sipua.codecs.conceal import Concealer
from sipua.codecs.g711 import Law, decode, encode
from sipua.codecs.pcm import Pcm

ROOT = Path(__file__).resolve().parents[2]
SENTENCES = (
    ROOT / "tests/data/speech-caller.wav",
    ROOT / "tests/data/speech-pbx.wav",
    ROOT / "bridge/agent/speech/prompts/greeting.wav",
)
RATE_HZ = 8000
FRAME = 160
PERCENT = (0, 1, 3, 5, 10)
BURST_PACKETS = 3.0


def sentence(path: Path) -> Pcm:
    pcm = sounds.load(path)
    return pcm[: len(pcm) // FRAME * FRAME]


def random_losses(frames: int, share: float, rng: random.Random) -> list[bool]:
    return [rng.random() < share for _ in range(frames)]


def bursty_losses(frames: int, share: float, rng: random.Random) -> list[bool]:
    """Two states (Gilbert): within a burst all is lost; bursts last three packets on average."""
    leave = 1 / BURST_PACKETS
    enter = leave * share / (1 - share)
    losing, lost = rng.random() < share, []
    for _ in range(frames):
        lost.append(losing)
        losing = rng.random() >= leave if losing else rng.random() < enter
    return lost


def silence(frames: Iterator[Pcm | None]) -> Iterator[Pcm]:
    for frame in frames:
        yield np.zeros(FRAME, np.int16) if frame is None else frame


def repeated(frames: Iterator[Pcm | None]) -> Iterator[Pcm]:
    last = np.zeros(FRAME, np.int16)
    for frame in frames:
        last = last if frame is None else frame
        yield last


def concealed(frames: Iterator[Pcm | None]) -> Iterator[Pcm]:
    concealer = Concealer()
    for frame in frames:
        yield concealer.lost(FRAME) if frame is None else concealer.good(frame)


METHODS: dict[str, Callable[[Iterator[Pcm | None]], Iterator[Pcm]]] = {
    "silence": silence,
    "repeat": repeated,
    "ours": concealed,
}
PATTERNS = {"random": random_losses, "bursts": bursty_losses}


def with_losses(pcm: Pcm, lost: list[bool], method: str) -> Pcm:
    coded = decode(Law.PCMU, encode(Law.PCMU, pcm))
    frames = (None if gone else coded[i * FRAME :][:FRAME] for i, gone in enumerate(lost))
    return np.concatenate(list(METHODS[method](frames)))


def measure(seeds: int, files: Sequence[Path]) -> list[dict[str, object]]:
    from pesq import pesq  # noqa: PLC0415 - a tool of this script only

    rows: list[dict[str, object]] = []
    spoken = [sentence(path) for path in files]
    for pattern, losses in PATTERNS.items():
        for percent in PERCENT:
            scores: dict[str, list[float]] = {method: [] for method in METHODS}
            for seed in range(seeds if percent else 1):
                rng = random.Random(seed)
                for pcm in spoken:
                    lost = losses(len(pcm) // FRAME, percent / 100, rng)
                    for method, found in scores.items():
                        heard = with_losses(pcm, lost, method)
                        found.append(float(pesq(RATE_HZ, pcm, heard, "nb")))
            row: dict[str, object] = {"pattern": pattern, "percent": percent}
            for method, found in scores.items():
                row[method] = round(mean(found), 2)
                error = stdev(found) / len(found) ** 0.5 if len(found) > 1 else 0.0
                row[f"{method}_error"] = round(error, 2)
            rows.append(row)
    return rows


def main() -> int:
    parser = argparse.ArgumentParser(description="MOS (PESQ) of speech with lost packets.")
    parser.add_argument("--seeds", type=int, default=20, help="loss patterns a sentence (20)")
    parser.add_argument("--speech", type=Path, action="append", help="a WAV file of 4 to 12 s")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the table as JSON too")
    arguments = parser.parse_args()
    try:
        rows = measure(arguments.seeds, arguments.speech or SENTENCES)
    except ImportError:
        sys.stderr.write("the judge is missing: pip install pesq (it needs a C compiler)\n")
        return 2
    lines = [
        "| loss | silence | last frame again | ours | ours - silence |",
        "|---|---|---|---|---|",
    ]
    for row in rows:
        gain = float(str(row["ours"])) - float(str(row["silence"]))
        cells = " | ".join(f"{row[m]} ± {row[f'{m}_error']}" for m in METHODS)
        lines.append(f"| {row['percent']} % {row['pattern']} | {cells} | {gain:+.2f} |")
    sys.stdout.write("\n".join(lines) + "\n")
    if arguments.json is not None:
        arguments.json.write_text(json.dumps(rows, indent=1) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
