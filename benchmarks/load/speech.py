"""What the callers of a load say, and by which its frames are known again at the engine.

A loop of speech and of a pause, with a little noise in it so that no two frames are alike. The way
to the engine is exact arithmetic: decode and filter give the same bytes each time. So the checksum
of each append that a frame must become is known beforehand, and an append that arrives is paired
with the very frame that was sent, or is found to be changed.
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass

import numpy as np

from sipua.bench.replay.engine_types import ENGINE_TYPES
from sipua.bridge import engines
from sipua.bridge.agent.speech.prompts import prompt
from sipua.bridge.engine_api.settings import PCM_RATE_HZ, EngineSettings
from sipua.bridge.engines import ENGINES
from sipua.bridge.uplink.encoder import encoder_for
from sipua.codecs.g711 import Law, encode
from sipua.codecs.resample import Downsampler

FRAME_SAMPLES = 160
_TALK_S, _PAUSE_S = 2.4, 0.8
_TURNS = 2
_RATE_HZ = 8000
_NOISE_PEAK = 12  # of 32768: -69 dBFS, far below what counts as speech
_SEED = 20


@dataclass(frozen=True, slots=True)
class Loop:
    frames: list[bytes]  # µ-law, 20 ms each
    place_by_crc: dict[int, int]  # of the append that a frame becomes


def loop(engine_type: str = "local") -> Loop:
    """Two turns of speech, different ones, each with a pause behind it."""
    wide = np.frombuffer(prompt("greeting").data, "<i2")
    voice = Downsampler(PCM_RATE_HZ).process(wide)
    noise = np.random.default_rng(_SEED)
    parts = []
    for turn in range(_TURNS):
        start = turn * len(voice) // (2 * _TURNS)
        parts.append(np.resize(voice[start:], round(_TALK_S * _RATE_HZ)))
        parts.append(np.zeros(round(_PAUSE_S * _RATE_HZ), np.int16))
    sound = np.concatenate(parts).astype(np.int32)
    sound += noise.integers(-_NOISE_PEAK, _NOISE_PEAK, len(sound), endpoint=True)
    codes = encode(Law.PCMU, np.clip(sound, -32768, 32767).astype(np.int16))
    frames = [codes[at : at + FRAME_SAMPLES] for at in range(0, len(codes), FRAME_SAMPLES)]
    return Loop(frames, _checksums(frames, engine_type))


def _checksums(frames: list[bytes], engine_type: str) -> dict[int, int]:
    audio = ENGINES[engine_type].audio
    engine = engines.create(engine_type, EngineSettings(url="ws://localhost", audio=audio)).protocol
    encoder = encoder_for(engine.hears)
    kind = ENGINE_TYPES[engine_type]

    def append(frame: bytes) -> bytes:
        return kind.payload(engine.append_audio(encoder.finish(encoder.frame(Law.PCMU, frame))))

    append(frames[-1])  # each frame begins where another ended
    return {zlib.crc32(append(frame)): place for place, frame in enumerate(frames)}
