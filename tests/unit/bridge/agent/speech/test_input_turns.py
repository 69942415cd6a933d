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
    detector = InputTurnDetector(PCM, VadConfig(), limit_s=60)
    assert detector.append(QUIET) == []
    assert detector.append(VOICE) == [SpeechStarted(700)]
    (turn,) = detector.append(QUIET)
    assert isinstance(turn, Turn)
    assert turn.audio_end_ms == 1900
    assert turn.audio == QUIET[: 300 * 48] + VOICE + QUIET[: 500 * 48]
    assert detector.buffered_ms == 500


def test_quiet_is_not_kept_for_ever() -> None:
    detector = InputTurnDetector(PCM, VadConfig(), limit_s=60)
    for _ in range(20):
        detector.append(QUIET)
    assert detector.buffered_ms == QUIET_KEPT_MS
    assert detector.end_ms == 20_000


def test_an_endless_turn_is_cut() -> None:
    detector = InputTurnDetector(PCM, VadConfig(), limit_s=1)
    events = detector.append(VOICE) + detector.append(VOICE) + detector.append(VOICE)
    assert events == [SpeechStarted(0), Turn(1200, VOICE * 3)]
    assert detector.append(VOICE) == [SpeechStarted(1200)]


def test_without_detection_everything_waits_for_the_commit_up_to_the_limit() -> None:
    detector = InputTurnDetector(PCM, None, limit_s=1)
    assert detector.append(VOICE) == detector.append(VOICE) == []
    with pytest.raises(InputBufferFull):
        detector.append(VOICE)
    assert detector.take() == VOICE * 2


def test_taking_ends_the_turn() -> None:
    detector = InputTurnDetector(PCM, VadConfig(), limit_s=60)
    detector.append(VOICE)
    assert detector.take() == VOICE
    assert detector.append(QUIET) == []


def test_the_timeline_goes_on_in_another_format() -> None:
    detector = InputTurnDetector(PCM, VadConfig(prefix_padding_ms=0), limit_s=60)
    detector.append(QUIET)
    detector.change_format(PCMA)
    detector.tune(VadConfig(prefix_padding_ms=0))
    assert detector.buffered_ms == 0
    assert detector.append(np.tile(np.array([0x2A, 0xAA], np.uint8), 400).tobytes()) == [
        SpeechStarted(1000)
    ]
