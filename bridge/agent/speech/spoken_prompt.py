"""A text in the voice of the local agent, as a sound that the phone will hear."""

from __future__ import annotations

from functools import cache

import numpy as np
import soxr

from sipua.bridge.agent.speech import voice
from sipua.bridge.agent.speech.formats import PCM
from sipua.bridge.playout import sounds
from sipua.bridge.playout.sound_files import SoundError
from sipua.codecs.pcm import Pcm


@cache
def spoken_prompt(text: str, speaker: str, words_per_minute: int) -> Pcm:
    """One of the configuration: once in the life of a process. Raises SoundError."""
    return spoken_text(text, speaker, words_per_minute)


def spoken_text(text: str, speaker: str, words_per_minute: int) -> Pcm:
    """At 8 kHz. It takes a tenth of a second and more. Raises SoundError."""
    try:
        clip = voice.spoken(text, speaker, words_per_minute)
    except voice.VoiceError as error:
        raise SoundError(str(error)) from None
    wide = PCM.decode(clip.data).astype(np.float64)
    narrow = np.asarray(soxr.resample(wide, PCM.rate, sounds.RATE_HZ, "VHQ"))
    pcm: Pcm = np.rint(np.clip(narrow, -32768, 32767)).astype(np.int16)
    pcm.flags.writeable = False  # calls may share it
    return pcm
