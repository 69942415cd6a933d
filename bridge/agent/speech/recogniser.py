"""The program that finds words in speech: pocketsphinx, in its own process because it holds the
interpreter lock while it computes.

    python -m sipua.bridge.agent.speech.recogniser

stdin:  a line of JSON, `Setup`; then, for each turn, a line of JSON, `Turn`, and its bytes
stdout: a line of JSON, `Found`, when it is ready (with no words) and for each turn
It exits at the end of stdin.
"""

import sys
from typing import Any, BinaryIO

import msgspec
import numpy as np
import soxr

RATE = 16_000  # of the acoustic model
PEAK = 8000  # to which a turn's level is raised
HISS = 100  # its model was trained with room noise: digital silence costs it words
PIECE_BYTES = 16_000


class Setup(msgspec.Struct):
    words: tuple[str, ...] = ()  # all phrases; empty: any English


class Turn(msgspec.Struct):
    rate: int
    size: int  # bytes of linear audio, 16 bit, that follow


class Found(msgspec.Struct):
    words: str


def grammar(phrases: tuple[str, ...]) -> str:
    """The grammar in which a turn is one of the phrases."""
    return f"#JSGF V1.0; grammar turns; public <turn> = ({' | '.join(phrases)});"


def decoder(phrases: tuple[str, ...]) -> Any:
    from pocketsphinx import Decoder  # noqa: PLC0415 - only this process needs it

    made = Decoder(samprate=RATE, loglevel="FATAL")
    if phrases:
        made.add_jsgf_string("turns", grammar(tuple(phrase.lower() for phrase in phrases)))
        made.activate_search("turns")
    return made


def words_in(recogniser: Any, audio: bytes, rate: int) -> str:
    pcm = np.frombuffer(audio, "<i2").astype(np.float32)
    if rate != RATE:
        pcm = np.asarray(soxr.resample(pcm, rate, RATE), np.float32)
    pcm *= PEAK / max(float(np.abs(pcm).max(initial=1.0)), HISS)  # silence stays silence
    pcm += np.random.default_rng(1).normal(0, HISS, pcm.size).astype(np.float32)
    data = pcm.astype("<i2").tobytes()
    recogniser.start_utt()
    for start in range(0, len(data), PIECE_BYTES):
        recogniser.process_raw(data[start : start + PIECE_BYTES])
    recogniser.end_utt()
    found = recogniser.hyp()
    return str(found.hypstr) if found is not None else ""


def main(source: BinaryIO, target: BinaryIO) -> int:
    setup = msgspec.json.decode(source.readline(), type=Setup)
    recogniser = decoder(setup.words)
    answer = ""
    while True:
        target.write(msgspec.json.encode(Found(answer)) + b"\n")
        target.flush()
        line = source.readline()
        if not line:
            return 0
        turn = msgspec.json.decode(line, type=Turn)
        answer = words_in(recogniser, source.read(turn.size), turn.rate)


if __name__ == "__main__":
    sys.exit(main(sys.stdin.buffer, sys.stdout.buffer))
