import numpy as np
import pytest

from sipua.bridge.agent.speech.prompts import TEXTS, prompt
from support.media.audio import level_dbfs


@pytest.mark.parametrize("name", TEXTS)
def test_prompts_are_as_loud_as_speech_and_not_clipped(name: str) -> None:
    clip = prompt(name)
    pcm = clip.format.decode(clip.data)
    assert -22 < level_dbfs(pcm) < -18
    assert np.abs(pcm).max() < 30_000
    assert clip.transcript == TEXTS[name]
    assert len(clip.data) < 200_000


def test_the_greeting_starts_at_once() -> None:
    pcm = prompt("greeting").format.decode(prompt("greeting").data)
    assert np.argmax(np.abs(pcm) > 500) < 24 * 100
    assert 2500 < prompt("greeting").duration_ms < 4000
