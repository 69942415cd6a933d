import numpy as np
import pytest

from support.media import audio
from support.peers.pbx import heard

SAID = audio.speech("caller")
FRAME = 160


def test_a_recording_of_all_of_it() -> None:
    sound = np.concatenate([audio.silence(300), SAID, audio.silence(100)])
    assert heard(SAID, sound) == pytest.approx(300, abs=1)


def test_a_recorder_may_miss_its_first_frames_and_slip_by_one() -> None:
    middle = len(SAID) // 2
    sound = np.concatenate([SAID[2 * FRAME : middle], audio.silence(20), SAID[middle:]])
    assert heard(SAID, sound) == pytest.approx(-40, abs=1)


@pytest.mark.parametrize(
    "sound",
    [
        audio.silence(5000),
        audio.speech("pbx"),
        SAID[: len(SAID) // 2],
        np.concatenate([SAID[12000:], SAID[:12000]]),  # out of order
    ],
)
def test_something_else(sound: audio.Pcm) -> None:
    with pytest.raises(AssertionError):
        heard(SAID, sound)
