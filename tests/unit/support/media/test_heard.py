import numpy as np

from support.media import audio


def test_a_sentence_is_in_also_when_a_frame_was_left_out_and_another_one_is_not() -> None:
    said = audio.speech("pbx")
    holed = np.concatenate([audio.silence(700), said[:6000], said[6160:], audio.silence(500)])
    assert audio.is_in(said, holed)
    assert not audio.is_in(audio.speech("caller"), holed)
    assert not audio.is_in(said, holed[: 5600 + len(said) // 2])
    assert not audio.is_in(said, audio.silence(5000))
