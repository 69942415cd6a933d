"""What the engine is given: the same time as the caller took, whatever was held or replaced."""

import numpy as np

from sipua.bridge.uplink.echo_hold import EchoHold
from sipua.bridge.uplink.encoder import G711Encoder
from sipua.codecs.echo import EchoGate
from sipua.codecs.g711 import Law, encode
from sipua.codecs.vad import SpeechStarted, SpeechStopped, VadConfig
from support.media import audio

FRAMES = [bytes([n]) * 160 for n in range(100)]
BLANK = bytes([Law.PCMU.silence]) * 160


class ScriptedGate(EchoGate):
    """Active as long as the script says."""

    def __init__(self, script: list[bool]) -> None:
        super().__init__()
        self.script = script

    @property
    def active(self) -> bool:
        return bool(self.script)

    def holds(self, pcm: audio.Pcm) -> bool:
        return self.script.pop(0)


def given(echo_hold: EchoHold, pieces: list[bytes]) -> list[list[bytes]]:
    feed = G711Encoder(Law.PCMU)
    steps = []
    for piece in pieces:
        out: list[bytes] = []
        echo_hold.hear(piece, feed, out)
        steps.append(out)
    return steps


def gated(script: list[bool]) -> EchoHold:
    echo_hold = EchoHold()
    echo_hold.gate = ScriptedGate(script)
    return echo_hold


def test_what_passes_passes_at_once() -> None:
    assert given(gated([False] * 5), FRAMES[:5]) == [[frame] for frame in FRAMES[:5]]


def test_what_was_held_before_the_gate_opened_is_not_lost() -> None:
    echo_hold = gated([True] * 5 + [False])
    assert echo_hold.gate is not None
    echo_hold.gate.release_ms = 60
    *held, opened = given(echo_hold, FRAMES[:6])
    assert held == [[]] * 5
    assert opened == [BLANK, BLANK, *FRAMES[2:6]]
    assert echo_hold.held_samples == 0


def test_what_is_held_too_long_becomes_silence_of_the_same_length() -> None:
    steps = given(gated([True] * 14), FRAMES[:14])
    assert [len(step) for step in steps] == [0] * 10 + [1] * 4
    assert steps[10:] == [[BLANK]] * 4


def test_when_nothing_can_echo_any_more_what_is_held_becomes_silence() -> None:
    echo_hold = gated([True] * 3)
    steps = given(echo_hold, FRAMES[:5])
    assert steps[3:] == [[BLANK, BLANK, BLANK, FRAMES[3]], [FRAMES[4]]]
    assert sum(map(len, steps)) == 5


def test_muted_it_is_silence_at_once_and_what_was_held_too() -> None:
    echo_hold = gated([True] * 10)
    given(echo_hold, FRAMES[:2])
    echo_hold.muted = True
    assert given(echo_hold, FRAMES[2:4]) == [[BLANK] * 3, [BLANK]]
    echo_hold.muted = False
    echo_hold.gate = None
    assert given(echo_hold, FRAMES[4:5]) == [[FRAMES[4]]]


def test_nothing_is_asked_where_nothing_is_wanted() -> None:
    echo_hold = EchoHold()
    assert echo_hold.plain
    echo_hold.detect_voice(VadConfig())
    assert not echo_hold.plain
    echo_hold.detect_voice(None)
    echo_hold.muted = True
    assert not echo_hold.plain


def test_a_voice_is_detected_on_the_clock_of_what_was_given() -> None:
    echo_hold = EchoHold()
    echo_hold.detect_voice(VadConfig(prefix_padding_ms=0))
    sound = np.concatenate([audio.silence(400), audio.speech("short"), audio.silence(800)])
    codes = encode(Law.PCMU, sound)
    given(echo_hold, [codes[at : at + 160] for at in range(0, len(codes), 160)])
    started, stopped = echo_hold.take_voice()
    assert isinstance(started, SpeechStarted)
    assert isinstance(stopped, SpeechStopped)
    onset = audio.gaps(sound)[0].length_ms
    assert abs(started.audio_start_ms - onset) <= 60
    assert stopped.audio_end_ms > started.audio_start_ms + 500
    assert echo_hold.take_voice() == ()


def test_what_is_held_is_not_heard_by_the_detection_either() -> None:
    loud = encode(Law.PCMU, audio.tone(440, 20))
    echo_hold = gated([True] * 50)
    echo_hold.detect_voice(VadConfig())
    given(echo_hold, [loud] * 50)
    assert echo_hold.take_voice() == ()


def test_a_listener_hears_what_the_engine_does_not() -> None:
    echo_hold = EchoHold()
    heard: list[audio.Pcm] = []
    echo_hold.listeners = (heard.append,)
    echo_hold.mute(True, "test")
    assert not echo_hold.plain
    assert given(echo_hold, FRAMES[:2]) == [[BLANK], [BLANK]]
    assert [encode(Law.PCMU, pcm) for pcm in heard] == FRAMES[:2]


def test_a_listener_gets_silence_in_the_place_of_our_echo() -> None:
    echo_hold = gated([True, False])
    heard: list[audio.Pcm] = []
    echo_hold.listeners = (heard.append,)
    echo_hold.mute(True, "test")
    given(echo_hold, [FRAMES[5], FRAMES[6]])
    assert not np.any(heard[0])
    assert len(heard[0]) == 160
    assert encode(Law.PCMU, heard[1]) == FRAMES[6]
