"""The recorded prompts, made by scripts/sound/make_prompts.sh, which has the same texts."""

from functools import cache
from importlib.resources import files

from sipua.bridge.agent.speech.formats import PCM, Clip
from sipua.codecs import wav

TEXTS = {
    "greeting": "Hello! This is the local agent. Please say something.",
    "listening": "I am listening.",
}


@cache
def prompt(name: str) -> Clip:
    with files(__package__).joinpath("prompts", f"{name}.wav").open("rb") as stream:
        sound = wav.read(stream)
    if (sound.rate_hz, sound.channels, sound.bits) != (PCM.rate, 1, 16):
        raise ValueError(f"{name}.wav is not 24 kHz mono 16 bit")
    return Clip(sound.data, PCM, TEXTS[name])
