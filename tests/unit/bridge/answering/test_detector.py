"""Persons and machines by what they say and do not say."""

import numpy as np
import pytest

from sipua.bridge.answering.detector import RULE, AnswerDetector
from sipua.bridge.answering.verdict import AnsweredBy, Finding
from sipua.codecs.pcm import Pcm
from support.media import audio

HELLO = audio.speech("short")
SPEECH = audio.speech("pbx")
PAUSE = audio.silence(400)


def noise(ms: float, rms: float) -> Pcm:
    return np.random.default_rng(3).normal(0, rms, round(8 * ms)).astype(np.int16)


def feed(detector: AnswerDetector, stream: Pcm) -> list[Finding]:
    found: list[Finding] = []
    for start in range(0, len(stream), 160):
        found += detector.feed(stream[start : start + 160])
    return found


def first(*pieces: Pcm) -> AnsweredBy:
    found = feed(AnswerDetector(), np.concatenate(pieces))
    return next(one for one in found if isinstance(one, AnsweredBy))


def test_who_says_a_word_and_waits_is_a_person() -> None:
    verdict = first(audio.silence(500), HELLO, audio.silence(3000))
    assert (verdict.verdict, verdict.cause) == ("person", "greeting")
    said_ms = 500 + len(HELLO) / 8
    assert 700 <= verdict.ms - said_ms <= 1500


def test_who_speaks_on_is_a_machine() -> None:
    verdict = first(audio.silence(300), *([SPEECH, PAUSE] * 4))
    assert (verdict.verdict, verdict.cause) == ("machine", "long_speech")
    assert verdict.ms == pytest.approx(300 + RULE.machine_ms, abs=600)


def test_nothing_at_all() -> None:
    verdict = first(audio.silence(6000))
    assert (verdict.verdict, verdict.ms) == ("silence", RULE.no_sound_ms)


@pytest.mark.parametrize("rms", [30, 100, 400, 1200])
def test_the_noise_of_a_line_is_no_speech(rms: float) -> None:
    assert first(noise(7000, rms)).verdict == "silence"
    hello = np.concatenate([noise(1500, rms)[:], noise(len(HELLO) / 8, rms), noise(3000, rms)])
    hello[12_000 : 12_000 + len(HELLO)] = np.clip(
        hello[12_000 : 12_000 + len(HELLO)].astype(np.int32) + 3 * HELLO, -32768, 32767
    )
    assert first(hello).verdict == "person"


def test_frames_of_any_length_are_the_same() -> None:
    stream = np.concatenate([audio.silence(500), HELLO, audio.silence(3000)])
    whole = AnswerDetector().feed(stream)
    pieces = AnswerDetector()
    found = [one for at in range(0, len(stream), 77) for one in pieces.feed(stream[at : at + 77])]
    assert found == list(whole)


def test_what_comes_later_may_be_judged_by_itself() -> None:
    detector = AnswerDetector()
    feed(detector, np.concatenate([SPEECH, PAUSE] * 4))
    assert detector.verdict == "machine"
    detector.judge_anew()
    assert (detector.verdict, detector.spoken_ms) == (None, 0)
    found = feed(detector, np.concatenate([audio.silence(800), HELLO, audio.silence(3000)]))
    assert [one.verdict for one in found if isinstance(one, AnsweredBy)] == ["person"]


def test_the_quiet_is_counted_from_the_last_word() -> None:
    detector = AnswerDetector()
    feed(detector, audio.silence(1000))
    assert detector.quiet_ms == 1000
    feed(detector, HELLO)
    feed(detector, audio.silence(600))
    assert 400 <= detector.quiet_ms <= 700
