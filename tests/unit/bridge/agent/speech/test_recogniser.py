import io

import msgspec
import numpy as np
import pytest

from sipua.bridge.agent.speech import recogniser, recogniser_available
from sipua.bridge.agent.speech.recogniser import Found, Setup, Turn
from support.media.audio import PHONE_RATE_HZ, resample, silence, speech

PHRASES = ("yes", "no", "operator", "Goodbye", "hang up")


def turn(name: str, rate_hz: int = PHONE_RATE_HZ) -> np.ndarray[tuple[int], np.dtype[np.int16]]:
    pcm = np.concatenate((silence(300), speech(name), silence(500)))
    return resample(pcm, PHONE_RATE_HZ, rate_hz)


@pytest.fixture(scope="module")
def listener() -> object:
    return recogniser.decoder(PHRASES)


@pytest.mark.parametrize("rate_hz", [8000, 24_000])
@pytest.mark.parametrize("word", ["operator", "goodbye"])
def test_it_finds_the_phrase_that_was_said_over_the_phone(
    listener: object, word: str, rate_hz: int
) -> None:
    assert recogniser.words_in(listener, turn(word, rate_hz).tobytes(), rate_hz) == word


def test_silence_has_no_words(listener: object) -> None:
    assert recogniser.words_in(listener, silence(1000).tobytes(), PHONE_RATE_HZ) == ""
    assert recogniser.words_in(listener, b"", PHONE_RATE_HZ) == ""


def test_the_program_answers_turn_after_turn_until_its_stdin_ends() -> None:
    source = io.BytesIO()
    source.write(msgspec.json.encode(Setup(PHRASES)) + b"\n")
    for word in ("goodbye", "operator"):
        audio = turn(word).tobytes()
        source.write(msgspec.json.encode(Turn(PHONE_RATE_HZ, len(audio))) + b"\n" + audio)
    source.seek(0)
    target = io.BytesIO()
    assert recogniser.main(source, target) == 0
    found = [msgspec.json.decode(line, type=Found).words for line in target.getvalue().splitlines()]
    assert found == ["", "goodbye", "operator"]


def test_words_that_nobody_could_pronounce_are_known_before() -> None:
    assert recogniser_available.is_installed()
    assert recogniser_available.unknown_words(PHRASES) == []
    assert recogniser_available.unknown_words(("yes", "Sipua now", "xylofon")) == [
        "sipua",
        "xylofon",
    ]
