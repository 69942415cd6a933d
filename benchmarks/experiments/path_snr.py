#!/usr/bin/env python3
"""What the audio path does to a signal, against soxr VHQ:

    .venv/bin/python benchmarks/experiments/path_snr.py [16000]

A dense comb of sines across the telephone band, 300 to 3400 Hz, whose exact value is known at 8 kHz
and at the engine's rate: 24 kHz, or what is given. SNR is against that exact signal. soxr VHQ
resamples the whole recording at once here: as a stream it would add 160 ms of delay in each
direction.
"""

import sys
from collections.abc import Callable

import numpy as np
import soxr
from numpy.typing import NDArray

from sipua.codecs.g711 import Law, decode, encode
from sipua.codecs.pcm import Pcm
from sipua.codecs.resample import Downsampler, Upsampler

Signal = NDArray[np.float64]
Resample = Callable[[Pcm], Pcm]

SECONDS = 8.0
RATE_HZ = int(sys.argv[1]) if len(sys.argv) > 1 else 24_000
UP_DELAY_S = Upsampler(RATE_HZ).delay_samples / RATE_HZ
PAIR_DELAY = 23  # samples at 8 kHz
EDGE_S = 0.5


def comb(rate_hz: int, late_s: float = 0.0) -> Signal:
    rng = np.random.default_rng(11)
    time_s = np.arange(round(SECONDS * rate_hz)) / rate_hz - late_s
    out = np.zeros(len(time_s))
    for hz in np.arange(307.3, 3400, 61.7):
        out += np.sin(2 * np.pi * hz * time_s + rng.uniform(0, 2 * np.pi))
    # -18 dBFS, the level of speech: the peaks of the comb stay clear of the clip.
    out *= 32768 * 10 ** (-18 / 20) / np.sqrt(np.mean(out**2))
    return out


def rounded(signal: Signal) -> Pcm:
    whole: Signal = np.clip(np.rint(signal), -32768, 32767)
    return whole.astype(np.int16)


def snr_db(heard: Pcm, exact: Signal, rate_hz: int) -> float:
    edge = round(EDGE_S * rate_hz)
    size = min(len(heard), len(exact))
    wanted, got = exact[edge : size - edge], heard[edge : size - edge].astype(float)
    got = got * (wanted @ got) / (got @ got)  # a gain of a few thousandths is no noise
    error = got - wanted
    return float(10 * np.log10((wanted @ wanted) / (error @ error)))


def by_frames(process: Resample, pcm: Pcm, size: int) -> Pcm:
    return np.concatenate([process(pcm[at : at + size]) for at in range(0, len(pcm), size)])


def fir_up(pcm: Pcm) -> Pcm:
    return by_frames(Upsampler(RATE_HZ).process, pcm, 160)


def fir_down(pcm: Pcm) -> Pcm:
    return by_frames(Downsampler(RATE_HZ).process, pcm, RATE_HZ // 50)


def soxr_up(pcm: Pcm) -> Pcm:
    return rounded(soxr.resample(pcm.astype(float), 8000, RATE_HZ, "VHQ"))


def soxr_down(pcm: Pcm) -> Pcm:
    return rounded(soxr.resample(pcm.astype(float), RATE_HZ, 8000, "VHQ"))


def main() -> None:
    narrow = rounded(comb(8000))
    rows = []
    for name, law in (("16 bit", None), ("µ-law", Law.PCMU), ("A-law", Law.PCMA)):

        def coded(pcm: Pcm, law: Law | None = law) -> Pcm:
            return pcm if law is None else decode(law, encode(law, pcm))

        limit = snr_db(coded(narrow), comb(8000), 8000)
        up = snr_db(fir_up(coded(narrow)), comb(RATE_HZ, UP_DELAY_S), RATE_HZ)
        up_soxr = snr_db(soxr_up(coded(narrow)), comb(RATE_HZ), RATE_HZ)
        both = coded(fir_down(fir_up(coded(narrow))))
        both_soxr = coded(soxr_down(soxr_up(coded(narrow))))
        late = comb(8000, PAIR_DELAY / 8000)
        rows.append(
            (
                name,
                limit,
                up,
                up_soxr,
                snr_db(both, late, 8000),
                snr_db(both_soxr, comb(8000), 8000),
            )
        )
    out = [
        "| coding | alone | up, FIR | up, soxr VHQ | up and down, FIR | the same, soxr VHQ |",
        "|---|---|---|---|---|---|",
    ]
    out += [
        f"| {name} | {' | '.join(format(value, '.1f') for value in values)} |"
        for name, *values in rows
    ]
    sys.stdout.write("\n".join(out) + "\n")


if __name__ == "__main__":
    main()
