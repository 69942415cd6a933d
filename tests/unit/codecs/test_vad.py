import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sipua.codecs.pcm import Pcm
from sipua.codecs.vad import EnergyVad, SpeechStarted, SpeechStopped, VadConfig, VadEvent
from support.media.audio import resample, silence, speech, tone

RATE = 24_000


def noise(dbfs: float, ms: float, seed: int = 1) -> Pcm:
    samples = np.random.default_rng(seed).standard_normal(round(ms * RATE / 1000))
    return np.round(samples * 32768 * 10 ** (dbfs / 20)).astype(np.int16)


def sound(dbfs: float, ms: float) -> Pcm:
    wave = tone(440, ms, RATE).astype(np.float64)
    return np.round(wave / 7071 * 32768 * 10 ** (dbfs / 20)).astype(np.int16)


def quiet(ms: float) -> Pcm:
    return silence(ms, RATE)


def heard(pcm: Pcm, config: VadConfig | None = None, *, portion: int = 480) -> list[VadEvent]:
    vad = EnergyVad(config or VadConfig(), RATE)
    events: list[VadEvent] = []
    for start in range(0, pcm.size, portion):
        events += vad.feed(pcm[start : start + portion])
    return events


def test_a_turn_has_the_padding_before_and_the_silence_behind_it() -> None:
    pcm = np.concatenate((quiet(1000), sound(-20, 600), quiet(1000)))
    assert heard(pcm) == [SpeechStarted(700), SpeechStopped(2100)]


def test_parameters_move_the_positions() -> None:
    pcm = np.concatenate((quiet(1000), sound(-20, 600), quiet(1000)))
    config = VadConfig(prefix_padding_ms=0, silence_duration_ms=200)
    assert heard(pcm, config) == [SpeechStarted(1000), SpeechStopped(1800)]


def test_padding_never_reaches_before_the_start() -> None:
    assert heard(sound(-20, 200)) == [SpeechStarted(0)]


def test_padding_never_reaches_into_the_turn_before() -> None:
    word = np.concatenate((sound(-20, 200), quiet(300)))
    events = heard(np.concatenate((word, word)), VadConfig(silence_duration_ms=200))
    assert events == [
        SpeechStarted(0),
        SpeechStopped(400),
        SpeechStarted(400),
        SpeechStopped(900),
    ]


def test_pauses_shorter_than_the_silence_do_not_end_a_turn() -> None:
    pcm = np.concatenate((sound(-20, 300), quiet(400), sound(-20, 300), quiet(600)))
    assert heard(pcm) == [SpeechStarted(0), SpeechStopped(1500)]


def test_clicks_are_no_speech() -> None:
    click = np.concatenate((sound(-10, 20), quiet(180)))
    assert heard(np.tile(click, 20)) == []


def test_onset_is_told_within_60_ms() -> None:
    assert heard(sound(-20, 40)) == []
    assert heard(sound(-20, 60)) == [SpeechStarted(0)]


@pytest.mark.parametrize(("threshold", "audible_dbfs"), [(0.0, -70), (0.5, -45), (1.0, -20)])
def test_threshold_is_a_level(threshold: float, audible_dbfs: float) -> None:
    config = VadConfig(threshold=threshold)
    floor = quiet(2000)  # lets the noise floor settle at its lowest
    assert heard(np.concatenate((floor, sound(audible_dbfs + 2, 200))), config)
    assert not heard(np.concatenate((floor, sound(audible_dbfs - 2, 200))), config)


def test_line_noise_is_no_speech() -> None:
    assert heard(noise(-50, 10_000)) == []


def test_speech_is_found_above_loud_noise() -> None:
    pcm = noise(-42, 16_000)  # taken for speech at first
    pcm[RATE * 12 : RATE * 13] += sound(-20, 1000)
    *_, started, stopped = heard(pcm)
    assert started == SpeechStarted(11_700)
    assert stopped == SpeechStopped(13_500)


def test_steady_noise_ends_by_being_the_floor() -> None:
    events = heard(np.concatenate((quiet(1000), noise(-38, 30_000))))
    assert [type(event) for event in events] == [SpeechStarted, SpeechStopped]


def test_a_dc_offset_is_no_speech() -> None:
    assert heard(np.full(RATE * 2, 3000, np.int16)) == []


@pytest.mark.parametrize("name", ["caller", "pbx", "short"])
def test_recorded_speech_is_one_turn(name: str) -> None:
    voice = resample(speech(name), 8000, RATE)
    onset_ms = float(np.argmax(np.abs(voice) > 1000)) * 1000 / RATE
    pcm = np.concatenate((noise(-65, 1000), voice, noise(-65, 1500)))
    started, *_, stopped = heard(pcm, VadConfig(silence_duration_ms=800))
    assert isinstance(started, SpeechStarted)
    assert isinstance(stopped, SpeechStopped)
    assert abs(started.audio_start_ms + 300 - 1000 - onset_ms) < 150
    assert stopped.audio_end_ms <= pcm.size * 1000 / RATE


def test_end_turn_forgets_what_was_going_on() -> None:
    vad = EnergyVad(VadConfig(), RATE)
    assert vad.feed(sound(-20, 400)) == [SpeechStarted(0)]
    vad.end_turn()
    assert not vad.speaking
    assert vad.feed(quiet(2000)) == []
    assert vad.feed(sound(-20, 60)) == [SpeechStarted(2100)]


def test_positions_count_from_the_given_start() -> None:
    vad = EnergyVad(VadConfig(prefix_padding_ms=0), 8000, start_ms=12_345.0)
    assert vad.feed(tone(440, 60, 8000)) == [SpeechStarted(12_345)]


@settings(max_examples=40, deadline=None)
@given(portions=st.lists(st.integers(1, 5000), min_size=1, max_size=30))
def test_portions_do_not_matter(portions: list[int]) -> None:
    pcm = np.concatenate((quiet(500), sound(-20, 600), quiet(900), sound(-25, 300), quiet(700)))
    vad = EnergyVad(VadConfig(), RATE)
    events: list[VadEvent] = []
    start = 0
    while start < pcm.size:
        for portion in portions:
            events += vad.feed(pcm[start : start + portion])
            start += portion
    assert events == heard(pcm)
