"""What is far softer than the one at the telephone is somebody else in the room."""

from __future__ import annotations

import numpy as np
import pytest

from sipua.bridge.answering.timeline import Timeline
from sipua.codecs.pcm import Pcm
from support.media import audio

SPEECH = audio.speech("pbx")


def softer(pcm: Pcm, by_db: float) -> Pcm:
    return np.rint(pcm * 10 ** (-by_db / 20)).astype(np.int16)


def told(*sounds: Pcm) -> Timeline:
    timeline = Timeline()
    stream = np.concatenate(sounds)
    for start in range(0, len(stream) - 159, 160):
        timeline.feed(stream[start : start + 160], tone=False)
    return timeline


@pytest.mark.parametrize(("by_db", "behind"), [(0.0, False), (26.0, True)])
def test_others_in_the_room_are_no_part_of_what_is_said(by_db: float, behind: bool) -> None:
    said = SPEECH[: 8 * 1500]
    timeline = told(audio.silence(500), said, softer(SPEECH, by_db))
    lasts_ms = len(SPEECH) // 8
    if behind:
        assert timeline.last_ms <= 2100
        assert timeline.pause_ms >= lasts_ms - 100
    else:
        assert timeline.last_ms > 2000 + lasts_ms - 500


def test_who_comes_to_the_telephone_behind_a_loud_voice_may_be_softer() -> None:
    timeline = told(SPEECH)
    timeline.begin()
    for frame in softer(SPEECH, 26.0)[: 160 * 150].reshape(-1, 160):
        timeline.feed(frame, tone=False)
    assert timeline.first_ms is not None
    assert timeline.voiced_ms + timeline.span_ms > 500
