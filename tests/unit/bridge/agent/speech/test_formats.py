import numpy as np
import pytest

from sipua.bridge.agent.speech.formats import FORMATS, PCM, PCMA, PCMU, Clip, WireFormat, converted
from support.media.audio import find, level_dbfs, resample, speech

VOICE = resample(speech("short"), 8000, 24_000)
CLIP = Clip(VOICE.astype("<i2").tobytes(), PCM, "short")


def linear(clip: Clip) -> np.ndarray[tuple[int], np.dtype[np.int16]]:
    return resample(clip.format.decode(clip.data), clip.format.rate, 24_000)


@pytest.mark.parametrize("target", FORMATS.values(), ids=FORMATS.keys())
@pytest.mark.parametrize("middle", FORMATS.values(), ids=FORMATS.keys())
def test_clips_survive_conversion(middle: WireFormat, target: WireFormat) -> None:
    clip = converted(converted(CLIP, middle), target)
    assert clip.format == target
    assert clip.transcript == "short"
    assert abs(clip.duration_ms - CLIP.duration_ms) <= 5
    heard = np.concatenate((np.zeros(2400, np.int16), linear(clip), np.zeros(2400, np.int16)))
    assert find(VOICE, heard, 24_000).score > 0.95
    assert abs(level_dbfs(linear(clip)) - level_dbfs(VOICE)) < 1


def test_the_same_format_is_the_same_clip() -> None:
    assert converted(CLIP, PCM) is CLIP


def test_durations() -> None:
    assert [wire.bytes_per_ms for wire in (PCM, PCMU, PCMA)] == [48, 8, 8]
    assert PCM.duration_ms(961) == 20
