import numpy as np
import pytest

from sipua.bridge.agent.speech.formats import PCM, PCMA
from sipua.bridge.agent.speech.input_turns import (
    QUIET_KEPT_MS,
    InputBufferFull,
    InputTurnDetector,
    Turn,
)
from sipua.codecs.vad import SpeechStarted, VadConfig
from support.media.audio import silence, tone

VOICE = tone(440, 400, 24_000).tobytes()
QUIET = silence(1000, 24_000).tobytes()


def test_a_turn_comes_with_its_audio() -> None:
    ear = InputTurnDetector(PCM, VadConfig(), limit_s=60)
    assert ear.hear(QUIET) == []
    assert ear.hear(VOICE) == [SpeechStarted(700)]
    (turn,) = ear.hear(QUIET)
    assert isinstance(turn, Turn)
    assert turn.audio_end_ms == 1900
    assert turn.audio == QUIET[: 300 * 48] + VOICE + QUIET[: 500 * 48]
    assert ear.buffered_ms == 500


def test_quiet_is_not_kept_for_ever() -> None:
    ear = InputTurnDetector(PCM, VadConfig(), limit_s=60)
    for _ in range(20):
        ear.hear(QUIET)
    assert ear.buffered_ms == QUIET_KEPT_MS
    assert ear.end_ms == 20_000


def test_an_endless_turn_is_cut() -> None:
    ear = InputTurnDetector(PCM, VadConfig(), limit_s=1)
    events = ear.hear(VOICE) + ear.hear(VOICE) + ear.hear(VOICE)
    assert events == [SpeechStarted(0), Turn(1200, VOICE * 3)]
    assert ear.hear(VOICE) == [SpeechStarted(1200)]


def test_without_detection_everything_waits_for_the_commit_up_to_the_limit() -> None:
    ear = InputTurnDetector(PCM, None, limit_s=1)
    assert ear.hear(VOICE) == ear.hear(VOICE) == []
    with pytest.raises(InputBufferFull):
        ear.hear(VOICE)
    assert ear.take() == VOICE * 2


def test_taking_ends_the_turn() -> None:
    ear = InputTurnDetector(PCM, VadConfig(), limit_s=60)
    ear.hear(VOICE)
    assert ear.take() == VOICE
    assert ear.hear(QUIET) == []


def test_the_timeline_goes_on_in_another_format() -> None:
    ear = InputTurnDetector(PCM, VadConfig(prefix_padding_ms=0), limit_s=60)
    ear.hear(QUIET)
    ear.change_format(PCMA)
    ear.tune(VadConfig(prefix_padding_ms=0))
    assert ear.buffered_ms == 0
    assert ear.hear(np.tile(np.array([0x2A, 0xAA], np.uint8), 400).tobytes()) == [
        SpeechStarted(1000)
    ]
