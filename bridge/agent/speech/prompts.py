"""The recorded prompts, made by scripts/sound/make_prompts.sh, which has the same texts."""

import wave
from functools import cache
from importlib.resources import files

from sipua.bridge.agent.speech.formats import PCM, Clip

TEXTS = {
    "greeting": "Hello! This is the local agent. Please say something.",
    "listening": "I am listening.",
}


@cache
def prompt(name: str) -> Clip:
    with (
        files(__package__).joinpath("prompts", f"{name}.wav").open("rb") as stream,
        wave.open(stream, "rb") as reader,
    ):
        shape = (reader.getframerate(), reader.getnchannels(), reader.getsampwidth())
        if shape != (PCM.rate, 1, 2):
            raise ValueError(f"{name}.wav is not 24 kHz mono 16 bit")
        return Clip(reader.readframes(reader.getnframes()), PCM, TEXTS[name])
