"""What a line makes of a sound: gain, noise, G.711, lost packets and their concealment."""

from __future__ import annotations

from random import Random

import numpy as np

from sipua.bench.answering.speaker import Signal
from sipua.codecs.conceal import Concealer
from sipua.codecs.g711 import Law, decode, encode
from sipua.codecs.pcm import Pcm

_FRAME = 160


def over_a_line(sound: Signal, chance: Random, *, noise_db: float | None = None) -> list[Pcm]:
    """Frames of 20 ms, as they come out of our jitter buffer."""
    level = 10 ** (chance.uniform(-12, 4) / 20)
    noise_db = chance.uniform(-75, -48) if noise_db is None else noise_db
    white = np.random.default_rng(chance.getrandbits(32)).standard_normal(len(sound))
    noise = white + chance.uniform(0, 1) * np.roll(white, 1)
    noise *= 10 ** (noise_db / 20) / np.sqrt(np.mean(noise**2))
    pcm = np.rint(np.clip(sound * level + noise, -1, 1) * 32767).astype(np.int16)
    law = chance.choice(tuple(Law))
    loss, stays = chance.choice((0.0, 0.0, 0.005, 0.01, 0.03)), chance.uniform(0.1, 0.5)
    concealer = Concealer()
    frames, lost = [], False
    for start in range(0, len(pcm) - _FRAME + 1, _FRAME):
        lost = chance.random() < (stays if lost else loss)
        frame = decode(law, encode(law, pcm[start : start + _FRAME]))
        frames.append(concealer.lost(_FRAME) if lost else concealer.good(frame))
    return frames
