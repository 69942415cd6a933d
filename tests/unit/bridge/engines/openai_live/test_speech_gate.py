import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sipua.bridge.engine_api.settings import OPENAI_FORMATS, AudioFormat
from sipua.bridge.engines.openai_live.speech_gate import (
    END_MS,
    LEAD_MS,
    MAX_DROP_MS,
    YIELD_MS,
    Began,
    Ended,
    Piece,
    Said,
    SpeechGate,
)
from sipua.codecs.g711 import Law, encode

DELTA_MS = 100
FORMATS = sorted(OPENAI_FORMATS)


def loud(form: AudioFormat, ms: int, amplitude: int = 3000) -> bytes:
    rate = 24_000 if form is AudioFormat.PCM16 else 8_000
    pcm = (amplitude * np.sin(np.arange(rate * ms // 1000) * 0.3)).astype(np.int16)
    return pcm.tobytes() if form is AudioFormat.PCM16 else encode(Law[form.name], pcm)


def quiet(form: AudioFormat, ms: int) -> bytes:
    """Digital silence, or what a vendor's silent track is: a few steps of noise."""
    return loud(form, ms, amplitude=0 if form is AudioFormat.PCM16 else 8)


def run(gate: SpeechGate, track: bytes, form: AudioFormat, delta_ms: int = DELTA_MS) -> list[Piece]:
    size = form.bytes_per_ms * delta_ms
    return [
        piece
        for start in range(0, len(track), size)
        for piece in gate.feed(track[start : start + size])
    ]


def said_ms(pieces: list[Piece], form: AudioFormat) -> float:
    return sum(len(p.audio) for p in pieces if isinstance(p, Said)) / form.bytes_per_ms


def shape(pieces: list[Piece]) -> str:
    """B for a beginning, E for an end, - for audio, however much."""
    letters = "".join({Began: "B", Said: "-", Ended: "E"}[type(piece)] for piece in pieces)
    while "--" in letters:
        letters = letters.replace("--", "-")
    return letters


@pytest.mark.parametrize("form", FORMATS)
def test_silence_is_nothing(form: AudioFormat) -> None:
    gate = SpeechGate(form)
    assert run(gate, quiet(form, 5000), form) == []
    assert gate.track_ms == 5000
    assert not gate.speaking


@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.parametrize("delta_ms", [10, 20, 33, 100, 2500])
def test_speech_has_a_beginning_its_audio_and_an_end(form: AudioFormat, delta_ms: int) -> None:
    gate = SpeechGate(form)
    track = quiet(form, 1000) + loud(form, 700) + quiet(form, 1500)
    pieces = run(gate, track, form, delta_ms)
    assert shape(pieces) == "B-E"
    # Block by block, so within a block of each side, and with what goes before and after.
    least = 700 + END_MS
    assert least - 20 <= said_ms(pieces, form) <= least + LEAD_MS + 40
    assert not gate.speaking


def test_what_is_said_is_handed_on_unchanged_and_without_a_gap() -> None:
    form = AudioFormat.PCM16
    speech = loud(form, 700)
    track = quiet(form, 500) + speech + quiet(form, 1000)
    pieces = run(SpeechGate(form), track, form)
    said = b"".join(p.audio for p in pieces if isinstance(p, Said))
    assert said in track
    assert speech in said


def test_the_pause_between_two_sentences_is_part_of_what_is_said() -> None:
    form = AudioFormat.PCM16
    track = loud(form, 500) + quiet(form, END_MS - 100) + loud(form, 500) + quiet(form, 1000)
    pieces = run(SpeechGate(form), track, form)
    assert shape(pieces) == "B-E"
    assert said_ms(pieces, form) == 500 + END_MS - 100 + 500 + END_MS


def test_two_answers_in_one_delta_are_two() -> None:
    form = AudioFormat.PCM16
    track = (loud(form, 100) + quiet(form, END_MS + 100)) * 2
    assert shape(SpeechGate(form).feed(track)) == "B-EB-E"


def test_the_soft_beginning_of_a_word_is_kept_across_deltas() -> None:
    form = AudioFormat.PCM16
    gate = SpeechGate(form)
    soft = loud(form, 40, amplitude=40)  # below the bar
    assert gate.feed(quiet(form, 60) + soft) == []
    began, said = gate.feed(loud(form, 100))
    assert began == Began()
    assert isinstance(said, Said)
    assert said.audio == soft + loud(form, 100)


def test_noise_of_a_silent_track_is_no_speech() -> None:
    form = AudioFormat.PCM16
    assert run(SpeechGate(form), loud(form, 1000, amplitude=45), form) == []  # -60 dBFS


def test_M5_what_was_cut_is_dropped_until_the_model_gives_way() -> None:
    form = AudioFormat.PCM16
    gate = SpeechGate(form)
    gate.feed(loud(form, 300))
    gate.cut()
    assert not gate.speaking
    assert gate.dropping
    assert run(gate, loud(form, 500) + quiet(form, YIELD_MS), form) == []
    assert not gate.dropping
    assert gate.dropped_ms == 500 + YIELD_MS
    assert shape(run(gate, loud(form, 300) + quiet(form, 1000), form)) == "B-E"


def test_M5_a_model_that_talks_on_is_heard_again() -> None:
    form = AudioFormat.PCM16
    gate = SpeechGate(form)
    gate.feed(loud(form, 300))
    gate.cut()
    pieces = run(gate, loud(form, MAX_DROP_MS + 400), form)
    assert shape(pieces) == "B-"
    assert said_ms(pieces, form) == 400
    assert gate.dropped_ms == MAX_DROP_MS


def test_M5_the_answer_after_a_model_that_had_given_way_already_is_heard_at_once() -> None:
    form = AudioFormat.PCM16
    gate = SpeechGate(form)
    gate.feed(loud(form, 300) + quiet(form, YIELD_MS))
    assert gate.speaking
    gate.cut()
    assert not gate.dropping
    assert shape(gate.feed(loud(form, 100))) == "B-"


def test_cutting_silence_cuts_nothing_that_follows() -> None:
    form = AudioFormat.PCM16
    gate = SpeechGate(form)
    gate.feed(quiet(form, 300))
    gate.cut()
    assert shape(gate.feed(loud(form, 100))) == "B-"


def test_a_track_that_stopped_is_over() -> None:
    form = AudioFormat.PCM16
    gate = SpeechGate(form)
    gate.feed(loud(form, 100))
    gate.end()
    assert not gate.speaking
    assert shape(gate.feed(loud(form, 100))) == "B-"


@given(st.lists(st.tuples(st.binary(max_size=3000), st.booleans()), max_size=12), st.booleans())
def test_any_bytes_in_any_portions(portions: list[tuple[bytes, bool]], wide: bool) -> None:
    form = AudioFormat.PCM16 if wide else AudioFormat.PCMA
    gate = SpeechGate(form)
    open_ = False
    fed = said = 0
    for audio, cut in portions:
        fed += len(audio)
        for piece in gate.feed(audio):
            if isinstance(piece, Began):
                assert not open_
                open_ = True
            elif isinstance(piece, Said):
                assert open_
                assert piece.audio
                said += len(piece.audio)
            else:
                assert open_
                open_ = False
        assert gate.speaking is open_
        if cut:
            gate.cut()
            open_ = False
            assert not gate.speaking
    assert said <= fed
