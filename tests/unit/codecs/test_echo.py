"""The echo gate against lines that echo, callers who speak, both, music, noise, and nothing.

Every line is a model of a far side: what left comes back by G.711, later, quieter, in a room, in
noise, with or without speech. Frames of ours leave and frames of theirs come in turn.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest
from numpy.typing import NDArray

from sipua.codecs.echo import HOLD_MS, MAX_DELAY_MS, EchoGate, _best_match
from sipua.codecs.g711 import Law, decode, encode
from support.media import audio

Signal = NDArray[np.float64]

GREETING = audio.read_wav(audio.GREETING, rate_hz=8000)
OURS = np.concatenate(
    [audio.silence(500), GREETING, audio.silence(800), audio.speech("pbx"), audio.silence(600)]
)
AUDIBLE_DBFS = -45.0  # of the absolute bar of the usual voice detection


@dataclass
class Line:
    """What the gate made of a call, frame by frame."""

    gate: EchoGate
    held: NDArray[np.bool_]
    level_dbfs: NDArray[np.float64]

    @property
    def leaked(self) -> list[int]:
        """Milliseconds at which something was passed that a detector could hear."""
        passed = ~self.held & (self.level_dbfs > AUDIBLE_DBFS)
        return [int(at) * 20 for at in np.flatnonzero(passed)]


def pcm(signal: Signal) -> audio.Pcm:
    return np.clip(np.rint(signal), -32768, 32767).astype(np.int16)


def spoken(at_ms: int, voice: audio.Pcm, length: int, gain_db: float = 0.0) -> Signal:
    """A voice on the far side, from `at_ms` on."""
    line = np.zeros(length)
    voice = voice[: length - at_ms * 8]
    line[at_ms * 8 : at_ms * 8 + len(voice)] = voice * 10 ** (gain_db / 20)
    return line


def call(
    ours: audio.Pcm = OURS,
    *,
    echo_db: float | None = None,
    delay_ms: float = 0,
    room_ms: int = 0,
    noise_dbfs: float = -65,
    far: Signal | None = None,
    law: Law = Law.PCMU,
    moves_ms: float = 0,
) -> Line:
    """`room_ms`: decay of a room as strong as the direct sound. `moves_ms`: by so much the delay
    jumps in the middle."""
    random = np.random.default_rng(5)
    length = len(ours) // 160 * 160
    codes = encode(law, ours[:length])
    line = random.normal(size=length) * 32768 * 10 ** (noise_dbfs / 20)
    if echo_db is not None:
        back = decode(law, codes) * 10 ** (echo_db / 20)
        if room_ms:
            taps = random.normal(size=room_ms * 24) * np.exp(-np.arange(room_ms * 24) / room_ms / 8)
            taps /= np.sqrt(np.sum(taps**2))
            taps[0] += 1
            back = np.convolve(back, taps / np.sqrt(2))[:length]
        late = np.concatenate([np.zeros(round(delay_ms * 8)), back])[:length]
        later = np.concatenate([np.zeros(round((delay_ms + moves_ms) * 8)), back])[:length]
        half = length // 2
        line += np.concatenate([late[:half], later[half:]])
    if far is not None:
        line += np.pad(far, (0, max(0, length - len(far))))[:length]
    came = decode(law, encode(law, pcm(line)))
    gate = EchoGate(law)
    held = []
    for at in range(0, length, 160):
        gate.sent(codes[at : at + 160])
        frame = came[at : at + 160]
        if gate.active:
            held.append(gate.holds(frame))
        else:
            gate.passed_by(160)
            held.append(False)
    levels = [audio.level_dbfs(came[at : at + 160]) for at in range(0, length, 160)]
    return Line(gate, np.array(held), np.array(levels))


@pytest.mark.parametrize("delay_ms", [20, 50, 115, 170, 220, 300, 390])
@pytest.mark.parametrize(
    ("echo_db", "room_ms", "noise_dbfs"),
    [(-15, 0, -65), (-10, 0, -60), (-25, 0, -60), (-15, 40, -60)],
)
def test_from_the_first_word_no_echo_passes(
    delay_ms: int, echo_db: int, room_ms: int, noise_dbfs: int
) -> None:
    line = call(echo_db=echo_db, delay_ms=delay_ms, room_ms=room_ms, noise_dbfs=noise_dbfs)
    assert line.leaked == []
    assert line.gate.state == "echo"
    assert line.gate.gain_db == pytest.approx(echo_db, abs=5)


@pytest.mark.parametrize("delay_ms", [20, 115, 300])
def test_in_noise_that_nearly_hides_the_echo_hardly_any_passes(delay_ms: int) -> None:
    """60 ms in a row make a turn; one frame does not."""
    line = call(echo_db=-15, delay_ms=delay_ms, noise_dbfs=-48)
    assert len(line.leaked) <= 1


def test_in_a_law_and_with_a_delay_that_jumps() -> None:
    line = call(echo_db=-15, delay_ms=80, moves_ms=130, law=Law.PCMA)
    assert line.leaked == []


@pytest.mark.parametrize("gain_db", [0, -6, -12, -20])
@pytest.mark.parametrize("at_ms", [520, 600, 900, 1500, 2500])
def test_without_an_echo_a_caller_is_never_kept_back(gain_db: int, at_ms: int) -> None:
    """At the very first word there may be a doubt, of 100 ms; what is in doubt is not lost."""
    voice = np.concatenate([audio.speech("caller")] * 2)
    line = call(far=spoken(at_ms, voice, len(OURS), gain_db))
    assert line.gate.state == "clear"
    assert longest(line.held) <= 100
    # Three doubts, and it is clear that the line does not echo.
    assert np.count_nonzero(line.held) * 20 <= 300


def longest(held: NDArray[np.bool_]) -> int:
    edges = np.flatnonzero(np.diff(np.concatenate([[False], held, [False]])))
    return max((int(end - start) * 20 for start, end in edges.reshape(-1, 2)), default=0)


@pytest.mark.parametrize("delay_ms", [20, 120, 300])
@pytest.mark.parametrize("name", ["caller", "short"])
def test_who_speaks_over_the_echo_passes_with_the_first_syllable(delay_ms: int, name: str) -> None:
    voice = audio.speech(name)
    far = spoken(2600, voice, len(OURS))
    line = call(echo_db=-15, delay_ms=delay_ms, far=far)
    speaks = [audio.level_dbfs(pcm(far[at : at + 160])) > -40 for at in range(0, len(far), 160)]
    onset = speaks.index(True)
    assert [at for at in line.leaked if at < onset * 20 - 20] == []
    opened = onset + int(np.flatnonzero(~line.held[onset:])[0])
    assert (opened - onset) * 20 <= 60
    # What is given when it opens reaches back to before the onset.
    assert line.gate.release_ms >= (opened - onset) * 20
    assert line.gate.release_ms <= HOLD_MS


@pytest.mark.parametrize("gain_db", [-6, -9])
def test_a_quieter_voice_over_the_echo_passes_too(gain_db: int) -> None:
    far = spoken(2600, audio.speech("caller"), len(OURS), gain_db)
    line = call(echo_db=-15, delay_ms=120, far=far)
    speaks = [audio.level_dbfs(pcm(far[at : at + 160])) > -40 for at in range(0, len(far), 160)]
    opened = np.flatnonzero(~line.held[speaks.index(True) :])[0]
    assert opened * 20 <= 200


def music(length: int, seed: int) -> audio.Pcm:
    """Chords that change every 400 ms: tones are alike over many delays."""
    random = np.random.default_rng(seed)
    chords = []
    for _ in range(length // 3200 + 1):
        root = 220 * 2 ** (random.integers(0, 12) / 12)
        time_s = np.arange(3200) / 8000
        tones = sum(np.sin(2 * np.pi * root * ratio * time_s) for ratio in (1, 1.26, 1.5, 2))
        chords.append(tones * np.exp(-time_s * 2) * 2500)
    return pcm(np.concatenate(chords)[:length])


def test_our_own_music_coming_back_does_not_pass() -> None:
    ours = np.concatenate([audio.silence(300), music(8 * 6000, 1)])
    line = call(ours, echo_db=-15, delay_ms=120)
    assert longest(~line.held[40:] & (line.level_dbfs[40:] > AUDIBLE_DBFS)) < 60


def test_other_music_on_the_far_side_is_not_ours() -> None:
    line = call(far=spoken(0, music(len(OURS), 2), len(OURS), -10))
    assert longest(line.held) <= HOLD_MS
    assert np.count_nonzero(line.held) <= 0.1 * len(line.held)


def test_a_call_that_is_handed_on_to_a_phone_that_echoes_is_learnt() -> None:
    ours = np.concatenate([OURS, OURS, OURS])
    quiet, loud = call(ours[: len(OURS)]), call(ours, echo_db=-15, delay_ms=120)
    assert quiet.gate.state == "clear"
    gate = quiet.gate
    codes = encode(Law.PCMU, ours)
    back = np.concatenate([np.zeros(120 * 8), decode(Law.PCMU, codes) * 10 ** (-15 / 20)])
    for at in range(0, len(codes) - 160, 160):
        gate.sent(codes[at : at + 160])
        if gate.active:
            gate.holds(pcm(back[at : at + 160]))
        else:
            gate.passed_by(160)
    assert gate.state == loud.gate.state == "echo"


def test_a_clear_line_is_looked_at_now_and_then_and_costs_nothing_between() -> None:
    gate = call(far=spoken(520, audio.speech("caller"), len(OURS))).gate
    assert gate.state == "clear"
    voice = np.resize(audio.speech("caller"), 8 * 60_000)
    ours = encode(Law.PCMU, np.resize(OURS, 8 * 60_000))
    looked = 0
    for at in range(0, len(ours), 160):
        gate.sent(ours[at : at + 160])
        if gate.active:
            looked += 1
            assert not gate.holds(voice[at : at + 160])
        else:
            gate.passed_by(160)
    assert gate.state == "clear"
    assert 100 <= looked <= 450, "200 ms of each 3.4 s, and more often at first"


def test_an_echo_that_ends_keeps_nobody_back_for_long() -> None:
    """Handed back to a phone without echo, where a person speaks as loud as the echo was."""
    gate = call(echo_db=-15, delay_ms=120).gate
    codes = encode(Law.PCMU, OURS)
    voice = pcm(spoken(600, audio.speech("caller"), len(OURS), -10))
    held = []
    for at in range(0, len(codes) - 160, 160):
        gate.sent(codes[at : at + 160])
        frame = voice[at : at + 160]
        keeps = gate.active and gate.holds(frame)
        held.append(keeps and audio.level_dbfs(frame) > AUDIBLE_DBFS)
    assert gate.opened
    assert longest(np.array(held)) <= 1000


def test_while_we_are_silent_there_is_nothing_to_ask() -> None:
    gate = EchoGate()
    silence = bytes([Law.PCMU.silence]) * 160
    gate.sent(silence)
    assert not gate.active
    gate.sent(encode(Law.PCMU, audio.tone(440, 20)))
    assert gate.active
    for _ in range(24):
        gate.sent(silence)
    assert gate.active, "450 ms, and a room's tail"
    gate.skipped(160)
    gate.skipped(160)
    assert not gate.active
    assert gate.counters()["state"] == "unknown"


def likenesses(heard: audio.Pcm, ours: audio.Pcm, length_ms: int) -> list[float]:
    """Scores of pieces of `heard` against what left in the 450 ms before each."""
    length, reach = length_ms * 8, MAX_DELAY_MS * 8
    scores = []
    for end in range(reach + length, min(len(heard), len(ours)), 600):
        piece = heard[end - length : end]
        if audio.level_dbfs(piece) > AUDIBLE_DBFS:
            sent = ours[end - length - reach : end]
            wide = (np.diff(part.astype(np.float32)) for part in (piece, sent))
            scores.append(_best_match(*wide, 0)[0])
    return scores


@pytest.mark.parametrize(("length_ms", "by_chance"), [(60, 0.75), (200, 0.45)])
def test_another_voice_is_not_like_us_and_our_echo_is(length_ms: int, by_chance: float) -> None:
    voices = [audio.speech("caller"), audio.speech("pbx"), audio.speech("short"), GREETING]
    lines = [np.tile(voice, 12)[: 8 * 12_000] for voice in voices]
    others = [
        score
        for heard in lines
        for ours in lines
        if heard is not ours
        for score in likenesses(heard, np.roll(ours, 37), length_ms)
    ]
    assert len(others) > 1000
    assert np.percentile(others, 99) < by_chance
    assert np.median(others) < 0.25
    echo = pcm(np.concatenate([np.zeros(960), lines[3] * 10 ** (-15 / 20)]))
    ours = likenesses(decode(Law.PCMU, encode(Law.PCMU, echo)), lines[3], length_ms)
    assert np.median(ours) > 0.95
