"""The agent's answers in its three modes."""

from functools import lru_cache

from sipua.bridge.agent.scenario.settings import Mode
from sipua.bridge.agent.speech.formats import PCM, Clip, WireFormat, converted, converted_prompt
from sipua.bridge.agent.speech.prompts import prompt
from sipua.codecs.tones import sine

TONE_HZ = 440
TONE_MS = 1000  # whole periods: it ends as softly as it starts
TONE_PEAK_DBFS = -17.0  # as loud as the prompts


class Speaker:
    """The speaker of one conversation. `reply` is called once for each response."""

    __slots__ = ("_greeting", "_mode", "_replied")

    def __init__(self, mode: Mode, *, greeting: bool) -> None:
        self._mode = mode
        self._greeting = greeting
        self._replied = False

    def reply(self, caller_clip: Clip | None, target: WireFormat) -> Clip | None:
        """The answer to the caller's audio since the last response; None: no answer."""
        first, self._replied = not self._replied, True
        if self._mode == "silence":
            return None
        if caller_clip is None:
            if not first:
                return converted_prompt(prompt("listening"), target)
            return converted_prompt(prompt("greeting"), target) if self._greeting else None
        if self._mode == "tone":
            return converted_prompt(tone(), target)
        return converted(caller_clip, target)


def tone() -> Clip:
    return sine_clip(TONE_MS)


@lru_cache(maxsize=16)
def sine_clip(duration_ms: int) -> Clip:
    pcm = sine(TONE_HZ, duration_ms, PCM.rate, TONE_PEAK_DBFS)
    return Clip(pcm.astype("<i2").tobytes(), PCM, f"[a tone of {TONE_HZ} Hz]")
