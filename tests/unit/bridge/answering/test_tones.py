"""What tones mean: beeps, fax, ring-back, busy, and the three before an announcement."""

import numpy as np
import pytest

from sipua.bridge.answering.detector import AnswerDetector
from sipua.bridge.answering.verdict import AnsweredBy, Beep, Finding
from sipua.codecs.pcm import Pcm
from sipua.codecs.tones import sine
from support.media import audio

SPEECH = audio.speech("pbx")


def tone(ms: float, *hertz: float, level: float = -18) -> Pcm:
    return np.sum([sine(hz, ms, 8000, level) for hz in hertz], axis=0).astype(np.int16)


def heard(*pieces: Pcm) -> list[Finding]:
    detector = AnswerDetector()
    stream = np.concatenate(pieces)
    found: list[Finding] = []
    for start in range(0, len(stream), 160):
        found += detector.feed(stream[start : start + 160])
    return found


def beeps(*pieces: Pcm) -> list[Beep]:
    return [one for one in heard(*pieces) if isinstance(one, Beep)]


def verdicts(*pieces: Pcm) -> list[tuple[str, str]]:
    return [(one.verdict, one.cause) for one in heard(*pieces) if isinstance(one, AnsweredBy)]


@pytest.mark.parametrize(
    ("hz", "ms"), [(1000, 70), (440, 200), (1400, 500), (850, 1500), (3800, 100), (75, 300)]
)
def test_a_beep_is_found_at_its_end(hz: float, ms: float) -> None:
    lead = (audio.silence(300), SPEECH, audio.silence(500))
    (beep,) = beeps(*lead, tone(ms, hz), audio.silence(1000))
    assert beep.hz == pytest.approx(hz, abs=6)
    assert beep.ms == pytest.approx(ms, abs=40)
    assert beep.at_ms == pytest.approx(sum(map(len, lead)) / 8 + ms, abs=40)


def test_it_is_told_soon_after_its_end() -> None:
    detector = AnswerDetector()
    lead = np.concatenate([audio.silence(300), SPEECH, audio.silence(500), tone(400, 1000)])
    stream = np.concatenate([lead, audio.silence(1000)])
    for start in range(0, len(stream), 160):
        if any(isinstance(one, Beep) for one in detector.feed(stream[start : start + 160])):
            assert 60 <= start / 8 + 20 - len(lead) / 8 <= 140
            return
    raise AssertionError("no beep")


@pytest.mark.parametrize(
    "sound",
    [
        tone(200, 770, 1336),  # the key 5
        tone(3000, 1004),  # milliwatt
        tone(2000, 440, 480),  # ring-back
        np.random.default_rng(2).normal(0, 1500, 4000).astype(np.int16),
    ],
)
def test_no_beep(sound: Pcm) -> None:
    assert beeps(SPEECH, audio.silence(300), sound, audio.silence(500)) == []


@pytest.mark.parametrize("name", ["caller", "pbx", "goodbye", "operator", "short"])
def test_speech_has_no_beeps(name: str) -> None:
    assert beeps(audio.silence(100), audio.speech(name), audio.silence(500)) == []


def test_a_beep_shows_that_it_is_voicemail() -> None:
    greeting = (audio.silence(300), SPEECH, audio.silence(300), SPEECH)
    found = verdicts(*greeting, audio.silence(600), tone(500, 1000), audio.silence(500))
    assert found[-1] == ("voicemail", "beep")


def test_fax_machines() -> None:
    assert verdicts(audio.silence(500), tone(3000, 2100))[0] == ("fax", "ced")
    call = (tone(500, 1100), audio.silence(3000))
    assert verdicts(audio.silence(500), *call, *call) == [("fax", "cng")]


def test_a_dead_number() -> None:
    tones = [tone(330, hz) for hz in (950, 1400, 1800)]
    assert verdicts(audio.silence(300), *tones, audio.silence(300), SPEECH) == [("machine", "sit")]


@pytest.mark.parametrize("hertz", [(425,), (480, 620)])
def test_busy(hertz: tuple[float, ...]) -> None:
    beat = (tone(500, *hertz), audio.silence(500))
    assert verdicts(*beat, *beat, *beat, *beat) == [("machine", "busy_tone")]


@pytest.mark.parametrize(("hertz", "ms"), [((425,), 1000), ((440, 480), 2000)])
def test_ring_back_in_the_audio_is_no_answer(hertz: tuple[float, ...], ms: int) -> None:
    ring = (tone(ms, *hertz), audio.silence(4000))
    hello = audio.speech("short")
    found = verdicts(*ring, *ring, hello, audio.silence(3000))
    assert [verdict for verdict, _ in found] == ["person"]
