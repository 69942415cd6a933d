"""The caller's last words, on the call's own time, whatever the sessions' formats."""

from __future__ import annotations

import numpy as np
import pytest

from sipua.bridge.conversation.unanswered_audio import UnansweredAudio, from_mulaw
from sipua.bridge.engine_api.settings import AudioFormat
from sipua.codecs.g711 import Law, decode, encode, transcoding_table
from sipua.codecs.resample import upsampler
from sipua.codecs.tones import sine
from support.engine.line import turn_state
from support.media.audio import find, speech

PCMU, PCMA, PCM16 = AudioFormat.PCMU, AudioFormat.PCMA, AudioFormat.PCM16
NARROW, MIDDLE = AudioFormat.PCM16_8K, AudioFormat.PCM16_16K


class Audio(UnansweredAudio):
    """With the turn state told as a dialogue tells it."""

    def __init__(self, keep_s: float) -> None:
        self.turns = turn_state()
        super().__init__(keep_s, self.turns)

    @property
    def speaking(self) -> bool:
        return self.turns.engine_hears

    def began(self, audio_start_ms: int) -> None:
        self.turns.caller_began(local=False)
        super().began(audio_start_ms)

    def ended(self, audio_end_ms: int) -> bytes:
        said = super().ended(audio_end_ms)
        self.turns.caller_ended(local=False)
        return said

    def next_session(self, audio_format: AudioFormat, carried: bytes) -> bytes:
        given = super().next_session(audio_format, carried)
        self.turns.session_began()
        return given


def tone(length_ms: int) -> bytes:
    return encode(Law.PCMU, sine(400, length_ms, 8000))


def quiet(length_ms: int) -> bytes:
    return bytes([Law.PCMU.silence]) * (length_ms * 8)


def feed(audio: Audio, mulaw: bytes, audio_format: AudioFormat = PCMU) -> None:
    """In frames of 20 ms, as a call does."""
    up = upsampler(audio_format.rate_hz)
    for start in range(0, len(mulaw), 160):
        frame = mulaw[start : start + 160]
        if not audio_format.is_g711:
            audio.append(up.process(decode(Law.PCMU, frame)).tobytes())
        elif audio_format is PCMA:
            audio.append(frame.translate(transcoding_table(Law.PCMU, Law.PCMA)))
        else:
            audio.append(frame)


def in_session(audio_format: AudioFormat = PCMU, keep_s: float = 20) -> Audio:
    audio = Audio(keep_s)
    audio.next_session(audio_format, b"")
    return audio


def counted(seconds: int) -> bytes:
    """A different code in each 10 ms: one sees where a cut was made."""
    return b"".join(bytes([number % 250]) * 80 for number in range(seconds * 100))


def test_M2_a_turn_is_cut_out_where_the_engine_heard_it() -> None:
    audio = in_session()
    all_of_it = counted(5)
    feed(audio, all_of_it)
    audio.began(1200)
    assert audio.speaking
    assert audio.ended(3400) == all_of_it[1200 * 8 : 3400 * 8]
    assert not audio.speaking


def test_M2_the_next_sessions_time_begins_with_what_it_was_given() -> None:
    audio = in_session()
    all_of_it = counted(10)
    feed(audio, all_of_it[: 8 * 4000])
    audio.began(3000)
    carried = audio.unheard()
    assert carried == all_of_it[3000 * 8 : 4000 * 8]
    assert audio.next_session(PCMU, carried) == carried
    feed(audio, all_of_it[8 * 4000 :])
    audio.began(500)
    assert audio.ended(2500) == all_of_it[3500 * 8 : 5500 * 8]


def test_M2_a_turn_that_had_not_ended_is_unheard_from_its_beginning() -> None:
    audio = in_session()
    feed(audio, quiet(2000) + tone(1000))
    audio.began(1700)
    feed(audio, tone(500))
    assert audio.unheard() == (quiet(300) + tone(1000) + tone(500))


def test_M2_said_during_the_outage_is_unheard_silence_before_it_is_not() -> None:
    audio = in_session()
    feed(audio, quiet(10_000))
    audio.alive()
    feed(audio, quiet(3000) + tone(800) + quiet(1000))
    unheard = audio.unheard()
    assert unheard == quiet(300) + tone(800) + quiet(1000)


@pytest.mark.parametrize("noise", [0, 60])
def test_M2_nothing_audible_is_nothing_unheard(noise: int) -> None:
    audio = in_session()
    rng = np.random.default_rng(1)
    hiss = encode(Law.PCMU, (rng.standard_normal(8000 * 9) * noise).astype(np.int16))
    feed(audio, hiss)
    assert audio.unheard() == b""


def test_a_click_is_no_word() -> None:
    audio = in_session()
    feed(audio, quiet(500) + tone(20) + quiet(500))
    assert audio.unheard() == b""


def test_M2_what_the_engine_answered_is_not_given_again() -> None:
    audio = in_session()
    feed(audio, tone(2000))
    audio.began(0)
    audio.ended(2000)
    feed(audio, quiet(1000))
    assert audio.unheard() == b""


def test_M2_an_engine_that_lives_has_judged_what_it_heard_a_second_ago() -> None:
    audio = in_session()
    feed(audio, tone(2000))
    audio.alive()  # and did not call it speech
    feed(audio, quiet(500))
    assert len(audio.unheard()) == 1500 * 8


def test_memory_is_bounded_the_oldest_goes() -> None:
    audio = in_session(keep_s=2)
    all_of_it = counted(60)
    most = 0
    for start in range(0, len(all_of_it), 160):
        audio.append(all_of_it[start : start + 160])
        most = max(most, audio.held_bytes)
    assert most <= 2 * 8000 + 2 * 500 * 8
    audio.began(0)
    assert audio.unheard() == all_of_it[-2 * 8000 :]
    assert audio.ended(60_000) == all_of_it[-2 * 8000 :]


@pytest.mark.parametrize("audio_format", [PCM16, MIDDLE, NARROW, PCMA])
def test_other_formats_are_kept_as_mulaw(audio_format: AudioFormat) -> None:
    session = in_session(audio_format)
    said = speech("short")
    feed(session, encode(Law.PCMU, said), audio_format)
    session.began(0)
    kept = decode(Law.PCMU, session.unheard())
    assert len(kept) == pytest.approx(len(said), abs=200)
    assert find(said[800:8000], kept).score > 0.99
    if not audio_format.is_g711:
        again = np.frombuffer(from_mulaw(encode(Law.PCMU, kept), audio_format), "<i2")
        assert find(said[800:8000], again[:: audio_format.rate_hz // 8000]).score > 0.99


def test_the_next_session_may_have_another_format() -> None:
    audio = in_session(PCM16)
    feed(audio, tone(1000), PCM16)
    audio.began(0)
    carried = audio.unheard()
    given = audio.next_session(PCMA, carried)
    assert given == carried.translate(transcoding_table(Law.PCMU, Law.PCMA))
    assert len(from_mulaw(carried, PCM16)) == len(carried) * 6
    assert len(from_mulaw(carried, MIDDLE)) == len(carried) * 4
    assert from_mulaw(carried, NARROW) == decode(Law.PCMU, carried).tobytes()
    feed(audio, tone(500), PCMA)
    assert audio.now_ms == pytest.approx(1500, abs=1)


@pytest.mark.parametrize("audio_format", [PCM16, MIDDLE, NARROW])
def test_time_is_what_was_heard(audio_format: AudioFormat) -> None:
    audio = in_session(audio_format)
    feed(audio, tone(1310), audio_format)
    assert audio.now_ms == 1310
    audio.began(200)
    assert len(audio.ended(1100)) == 900 * 8
    assert audio.now_ms == 1310


@pytest.mark.parametrize("audio_format", [PCM16, MIDDLE, NARROW])
def test_odd_pieces_are_survived(audio_format: AudioFormat) -> None:
    audio = in_session(audio_format)
    for size in (1, 3, 959, 961, 24_001):
        audio.append(b"\x00" * size)
    assert audio.unheard() == b""
    audio.ended(10**9)
    audio.ended(0)


def test_what_the_engine_has_judged_is_not_kept() -> None:
    """Its turns are the history's."""
    audio = in_session()
    all_of_it = counted(40)
    feed(audio, all_of_it[: 8 * 10_000])
    audio.began(1000)
    assert audio.ended(9000) == all_of_it[8 * 1000 : 8 * 9000]
    feed(audio, all_of_it[8 * 10_000 : 8 * 11_000])
    audio.alive()
    feed(audio, all_of_it[8 * 11_000 : 8 * 12_000])
    assert audio.held_bytes <= 8 * (5000 + 2000 + 2 * 500)
    audio.began(6000)  # with much padding
    assert audio.ended(12_000) == all_of_it[8 * 6000 : 8 * 12_000]


def test_M2_a_turn_is_kept_whole_while_the_engine_hears_it_and_speaks() -> None:
    audio = in_session()
    all_of_it = counted(20)
    feed(audio, all_of_it[: 8 * 1000])
    audio.began(500)
    for start in range(8 * 1000, 8 * 16_000, 160):
        audio.append(all_of_it[start : start + 160])
        audio.alive()
    assert audio.unheard() == all_of_it[8 * 500 : 8 * 16_000]
    assert audio.ended(15_000) == all_of_it[8 * 500 : 8 * 15_000]


def test_a_turn_in_the_future_leaves_nothing_broken() -> None:
    audio = in_session()
    audio.began(10**9)
    feed(audio, tone(2000))
    assert audio.unheard() == b""
    assert audio.ended(2000) == b""
    feed(audio, tone(1000))
    audio.began(2500)
    assert audio.ended(3000) == tone(500)
